# Of what peers_bench leaves: a block for each who looks, its name, then tasks, milliseconds to the last byte, and
# milliseconds of pause.
#   gnuplot -e "data='FILE'" -e "set output 'FILE'" peers.gnuplot
set terminal svg size 1200,460 font "sans-serif,13" background rgb "white"
set logscale xy
set format x "10^{%L}"
set xlabel "tasks, or goroutines, that wait"
set xrange [1000:]
set grid
stats data using 1 nooutput
blocks = STATS_blocks
set multiplot
set size 0.4,1
set origin 0,0
set ylabel "ms to the last byte"
unset key
plot for [i = 0:blocks - 1] data index i using 1:2 with linespoints lw 2
set size 0.6,1
set origin 0.4,0
set ylabel "longest gap in the target, ms"
set key outside right top
plot for [i = 0:blocks - 1] data index i using 1:3 with linespoints lw 2 title columnheader(1)
