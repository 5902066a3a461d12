// Package hass tells Home Assistant what the station has, by MQTT discovery: a document for each device, retained, in which each
// value, alarm and figure of the station is an entity with its topic, its unit and its class.
//
// # Vocabulary
//
// Home Assistant's own: a device has components, each of which becomes an entity; a platform is the kind of a component; the birth
// message says that Home Assistant has started. The gateway is a device, and each sensor is one that is reached through it. A Plan is
// all that a configuration has to announce. What was announced is remembered as a fact of the store.
//
// # Guarantees
//
// Topics in a document are those of the broker that Home Assistant is connected to: of the local one, or with the prefix of the uplink
// of one upstream. What an uplink does not carry, and what Home Assistant could not read, is not announced, and Notes say so.
//
// Ids hang on the id of the gateway, the first name of a sensor and the name of a value: see Device.ID. A component is available while
// the gateway is there and its value can be believed: good, or only its time is not right. The gateway is there while it says so, which
// its Will takes back; upstream that is the state topic of the uplink.
//
// A document is published when it is another one than was published last, when Home Assistant says that it has started, and when its broker
// upstream has lost the session of the uplink, and with that perhaps what it retained. A
// component that is gone is taken out by an entry that names its platform alone, and then left out; a device that is gone by an empty
// document. Both also happen after a restart, and where documents were published that Home Assistant is told elsewhere of.
//
// # Limits
//
// Home Assistant 2024.12 or newer. It does not remove what is taken out while it is not running itself: that stays in its registry, without a
// state, until somebody deletes it there. An uplink that is configured no more cannot be cleaned up.
package hass
