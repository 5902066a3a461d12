// Package pulse counts pulses on a GPIO line: rain gauges, water, gas and electricity meters, anemometers.
//
// # Vocabulary
//
// A pulse is an edge of the configured kind that outlived the debounce time, which the kernel measures. The total is all
// pulses ever counted, times per_pulse. The rate is the change of the total over a window, per some time.
//
// # Guarantees
//
// The kernel numbers edges, so an edge that could not be kept (a full queue) is still counted: the total goes by the numbers.
// How many there were is the value `lost`; only their times are unknown, which blurs the rate. The total never goes back and goes on
// after a restart from where State was taken; edge/sampler has the tests with power cuts.
//
// The rate has no value until the window has been watched once; a rate over less would be a guess. The frequency has one as soon as two
// pulses have come.
//
// # Limits
//
// Pulses while the program does not run are not seen. The rate knows the age of a pulse to 1/60 of the window. The frequency of pulses more than its window apart is 0.
package pulse
