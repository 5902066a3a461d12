// Package config turns a YAML file into a Config in which every name is resolved and every default filled in, or into the
// list of everything that is wrong with the file.
//
// # Vocabulary
//
// A key path names a place in the file: sensors.air.values.temperature.valid, uplinks.cloud.carry[1]. What is named is a
// map, and its key is the identity that queues and counters hang on; lists stand only where order counts. A literal carries
// its unit: 30s, 15min, 256KiB, -40..60, 5x, 2%. A planned key is part of the language but does nothing yet.
//
// # Guarantees
//
// Load reports at once all problems that can be judged apart from each other, sorted by their place, each with line, column,
// key path and a hint. Nothing is ignored: a key that is unknown, given twice, planned, or of the wrong type is an error. What
// Load returns needs no further checking by its consumers: references lead somewhere, topics are valid Topic Names, files
// exist. No input makes it panic, loop, or grow without bound. Secrets stand in files of their own and are neither in a Config
// nor in an error.
//
// # Limits
//
// A file has at most 1 MiB, 32 levels, and 100,000 values and 16 MiB of text after its aliases and merge keys are followed.
// Whether a bus, a device or a server exists is known only when the gateway runs. Loops through two gateways are not seen.
package config
