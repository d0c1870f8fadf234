// `peers_target N`: N goroutines of three functions, blocked on one channel, beside one that notices when it is kept from
// running, as scale_target.cpp has tasks. Prints `port PORT` and `ready`; there, for a line with 1 or 2, it writes what
// net/http/pprof does for /debug/pprof/goroutine?debug= that; gops's agent writes that of 2 for `gops stack`. For each
// line on its standard input it prints "RSS_KIB LONGEST_GAP_US" since the line before; ends at its end.
package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"runtime"
	"runtime/pprof"
	"strconv"
	"sync/atomic"
	"time"
)

//go:noinline
func inner(c chan int) { <-c }

//go:noinline
func middle(c chan int) { inner(c) }

//go:noinline
func worker(c chan int) { middle(c) }

var longest int64 // microseconds

func probe() {
	runtime.LockOSThread()
	last := time.Now()
	for {
		now := time.Now()
		gap := now.Sub(last).Microseconds()
		last = now
		if gap > atomic.LoadInt64(&longest) {
			atomic.StoreInt64(&longest, gap)
		}
		time.Sleep(200 * time.Microsecond)
	}
}

func answer(conn net.Conn) {
	defer conn.Close()
	var debug int
	if _, err := fmt.Fscanln(conn, &debug); err != nil {
		return
	}
	out := bufio.NewWriter(conn)
	pprof.Lookup("goroutine").WriteTo(out, debug)
	out.Flush()
}

func rssKiB() int {
	statm, _ := os.ReadFile("/proc/self/statm")
	var size, resident int
	fmt.Sscan(string(statm), &size, &resident)
	return resident * os.Getpagesize() / 1024
}

func main() {
	count, err := strconv.Atoi(os.Args[1])
	if err != nil {
		panic(err)
	}
	blocked := make(chan int)
	for i := 0; i < count; i++ {
		go worker(blocked)
	}
	for runtime.NumGoroutine() < count+1 {
		runtime.Gosched()
	}
	runtime.GC()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go func() {
		for {
			if conn, err := listener.Accept(); err == nil {
				go answer(conn)
			}
		}
	}()
	go probe()
	fmt.Println("port", listener.Addr().(*net.TCPAddr).Port)
	fmt.Println("ready")
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		fmt.Println(rssKiB(), atomic.SwapInt64(&longest, 0))
	}
}
