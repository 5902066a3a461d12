// Package output sets the outputs of a station: by commands, at the start and at the end, and when the uplink is lost.
//
// # Vocabulary
//
// An output has a value, which is known when the device has confirmed it, and a target: the value that it is to have. A want is a value
// that somebody asked for and that is not set yet: it waits for min_on, min_off, an interlock, or for a device that fails. A command is
// a want with a deadline, and is refused when it comes too late or cannot be carried out. The state is what is published of an output.
//
// # Guarantees
//
// A value is published as the output's only when its device has it. While it is not known what the device has, the state is stale, or
// has no value. Every command ends in a state: that it is carried out, that it waits and for what, or that it is refused and why; one that
// is overtaken by a younger one ends in that one's. A command is carried out within its time or never: an old one, one that was
// retained, one that says when it was given while nobody here knows the date are refused. A command that fails has no effect in the end:
// when the device answers again it is given its target.
//
// No two outputs of an interlock are set on at the same time: one is set on only after the device of the other has confirmed that it is
// off, and the gap has passed. An output whose value is not known counts as on.
//
// An output that fails or hangs holds up neither another one nor a sensor: each has its own calls, with a deadline, and is tried again less
// and less often, up to once a minute. Storage that is slow holds up what is published, and nothing that is set.
//
// The program that ends sets on_stop, without waiting for min_on and min_off. After a crash nothing is known of what was wanted: outputs
// begin as at every start, and no command from before is carried out. What an output with `initial: last` begins with is on the disk before
// its state is published.
//
// # Limits
//
// What outputs do while no program runs is the business of their chips: docs/outputs.md. min_off begins anew with each start, as nobody
// knows for how long the output was off. States that cannot be published gather up to a bound; beyond it the oldest
// give way, but not the last one of an output.
package output
