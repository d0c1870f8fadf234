// One script, for the page and for its worker, which reads answers that are too long to be read beside a finger that scrolls.
import './script';
if (typeof document === 'undefined') void import('./worker').then(({work}) => work());
else void import('./app').then(({start}) => start());
