// Package mapping turns the readings of a sensor into MQTT messages: treatment, form, and whether to publish at all. It
// does no I/O and reads no clock.
//
// # Vocabulary
//
// A value is treated in a fixed order: conversion of its unit, multiply, offset, calibrate, valid, window, round, deadband. A value
// under a topic of its own is published alone. Values that share the sensor's topic are a group and are published together. A
// derived value is computed from others, of this sensor or of others, and then treated like one that was read. Present is what all
// values of the station are now.
//
// # What is published
//
// The payload `json` of a value alone is
//
//	{"value":21.53,"unit":"°C","time":"2026-11-22T04:16:00.123Z"}
//
// Time is that of the measurement, in UTC. A quality stands at the end when it is not good:
//
//	"quality":"suspect"      measured, and not to be computed with
//	"quality":"stale"        the last value, repeated because no newer one came, with the time that it was measured
//	"quality":"bad"          there is no value: "value" is null
//	"quality":"clock-unset"  the value is good, the time is not
//
// A value that is suspect, stale or bad, and whose time is not known either, has "clock":"unset" beside its quality. When the date
// becomes known Date puts the times right that are still shown.
//
// A number outside `valid` cannot be true, and a consumer that looks no further than "value" must not take it for true: it is
// published as bad, and stands under "rejected" for whoever looks for the reason. A value of which nothing was ever read
// becomes stale as well, with a null and without a time: what a former run left as a retained message is replaced.
//
// A group is one object, in the order of the configuration. A value measured at another time than the newest of them has a
// time of its own:
//
//	{"time":"2026-11-22T04:16:00.123Z","values":{"temperature":{"value":21.53,"unit":"°C"},"humidity":{"value":41.2,"unit":"%"}}}
//
// The payload `value` is the number or text alone and cannot tell its quality. So it is published only when it is good, or
// only its time is not; when it stops being so, an empty payload is published once. Retained, that empties the topic.
//
// The payload `template` is in words of the user. Without its quality in it, it is published like a bare value.
//
// The payload `cbor` is a pack of SenML records in CBOR (RFC 8428). A quality that is not good stands under "quality_", which a
// receiver has to understand or else to reject the pack.
//
// # Guarantees
//
// A derived value has the quality of the worst of its inputs, and the time of the newest. It is computed when its own sensor is
// read, and not before each of its inputs was read or missed; and when an input of another sensor becomes worse. A number that is not finite, or outside what the formula is for, makes it bad.
//
// A window holds numbers that can be computed with. A value that is missing or not valid now has no number, whatever the window
// holds; after a value was stale its window begins anew. Outside the points of a calibration the nearest line goes on, or the value is
// bad where the configuration says so.
//
// Numbers are printed as the decimals they were rounded to: 21.53, not 21.530000000000001. NaN and infinities are never
// printed. A change of quality always passes the deadband, a reading inside the deadband is published when the heartbeat is
// due, and a deadband is measured from what was last published, so that slow drift is seen.
//
// # Limits
//
// A Sensor remembers what it published last and is for one goroutine. After a restart the first reading is published anew, and windows
// begin anew. Of a sensor on another bus that is read at the same time, a derived value may see the reading before.
package mapping
