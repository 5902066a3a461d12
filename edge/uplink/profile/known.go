package profile

import (
	"time"

	"skerry/broker/packet"
)

var both = []packet.Version{packet.V5, packet.V311}

// deepest is how many slashes mosquitto takes in a topic before it hangs up (TOPIC_HIERARCHY_LIMIT; seen at 2.0.11). No server is known that needs more, so
// all are spared what would end each connection anew: a device may publish topics as deep here, and a prefix makes them deeper.
const deepest = 200

// known is the table of the profiles.
func known() []Profile {
	full := Profile{Versions: both, NoLocal: true, MaximumQoS: 2, WillRetain: true, Eager: true, Slashes: deepest}
	named := func(name string, change func(*Profile)) Profile {
		p := full
		p.Name = name
		change(&p)
		return p
	}
	return []Profile{
		named("generic", func(p *Profile) { p.Bridge = true }),
		named("mosquitto", func(p *Profile) { p.Bridge = true }),
		named("hivemq", func(*Profile) {}),
		named("emqx", func(p *Profile) {
			// docs.emqx.com/en/emqx/latest/configuration/mqtt.html: max_topic_levels 128, max_packet_size 1MB.
			p.Slashes, p.Payload, p.Whole = 127, 1<<20-128, true
		}),
		named("rabbitmq", rabbitMQ),
		named("activemq", activeMQ),
		named("joram", func(p *Profile) {
			p.Versions, p.InFlight = []packet.Version{packet.V311}, 20
		}),
		named("nats", nats),
		named("aws-iot", awsIoT),
		named("azure-iot", azureIoT),
	}
}

// rabbitMQ: rabbitmq.com/docs/mqtt. Up to QoS 1; what is published with 2 is taken as 1. 5.0 since 3.13; before, it refuses it.
func rabbitMQ(p *Profile) { p.MaximumQoS = 1 }

// activeMQ is ActiveMQ Classic, whose topics have "." where MQTT has "/", "*" for "+" and ">" for "#", and the other way round
// (MQTTProtocolSupport.convertMQTTToActiveMQ). Its CONNACK is that of 3.1, without Session Present; what it holds of a QoS 2
// exchange it forgets with the connection, so that such a message comes at least once (seen at 5.17.2).
func activeMQ(p *Profile) {
	p.Versions, p.Without = []packet.Version{packet.V311}, "*>"
	p.InFlight, p.Unsaid = 20, true
}

// nats: docs.nats.io, section MQTT. A blank, and before 2.10 a dot, ends the connection that publishes it; so did QoS 2 before 2.10.
func nats(p *Profile) {
	p.Versions, p.MaximumQoS, p.Without = []packet.Version{packet.V311}, 1, ". \t\r\n*>"
}

// awsIoT: the AWS General Reference, AWS IoT Core endpoints and quotas; the developer's guide, mqtt.html and protocols.html;
// and what aws-iot-device-sdk-js-v2 enforces (ClientExtendedValidationAndFlowControl: 8 filters, 7 slashes, 256 bytes of topic, 128 of ClientID,
// 100 publishes and 512 KB per second). The document is silent on No Local, so nothing is built on it.
func awsIoT(p *Profile) {
	p.NoLocal, p.MaximumQoS, p.Eager = false, 1, false
	p.KeepAlive = Bounds{30 * time.Second, 1200 * time.Second}
	p.Payload, p.Topic, p.Slashes = 128<<10, 256, 7
	p.Filters, p.Subscriptions, p.InFlight = 8, 50, 100
	p.Rate, p.Bytes = 100, 512_000
	p.ClientID = 128
	p.TLS, p.Certificate, p.Named = true, true, true
	p.ALPN, p.ALPNPort, p.Ports = "x-amzn-mqtt-ca", 443, []int{8883, 443}
	p.Session, p.BillingStep = time.Hour, awsStep
	p.Metering = Metering{Step: awsStep, Retained: true, Connects: true, Messages: 1, Minutes: 0.08, Currency: "USD"}
	p.Refusal = "AWS IoT hangs up when the certificate is not active, or its policy does not allow this client_id, or the topic of the Will"
}

// What counts as one message. The documents say "5 KB" and "4 KB", and not how many bytes a KB has: the smaller number counts, as a block that is
// a byte too long costs twice as much.
const (
	// awsStep: aws.amazon.com/iot-core/pricing, "additional metering details": topic and payload of a PUBLISH, once more if it has RETAIN; CONNECT with its Will; a minute of
	// connection. No PINGREQ at 30 s or more, no PUBACK of the service. One US dollar for each of the first thousand million messages by the million, and
	// 0.08 for a million minutes, in its examples for Ireland.
	awsStep = 5000
	// azureStep: learn.microsoft.com, "Azure IoT Hub billing information", and the page of its prices: 400,000 messages a day for a unit of B1 or S1, 6,000,000 of B2 and S2;
	// 8,000 of 0.5 KB for a free hub.
	azureStep = 4000
)

// azureIoT: learn.microsoft.com, "Communicate with an IoT hub using the MQTT protocol", and "IoT Hub quotas and throttling": 5 filters at a time,
// 256 KB a message, 1,177 s of Keep Alive (29.45 min of its load balancer by 1.5), QoS 2 ends the connection. Its 5.0 was a preview and
// is no more. Sends are throttled for the hub as a whole.
func azureIoT(p *Profile) {
	p.Versions, p.NoLocal = []packet.Version{packet.V311}, true
	p.MaximumQoS, p.WillRetain, p.Eager = 1, false, false
	p.KeepAlive.Max = 1177 * time.Second
	p.Payload, p.Whole = 256_000, true
	p.Filters, p.Subscriptions = 1, 5
	p.InFlight = 100 // no figure is documented
	p.ClientID, p.IDRunes = 128, "-:.+%_#*?!(),=@;$'"
	p.TLS, p.Named, p.Ports = true, true, []int{8883}
	p.Key, p.FixedUser, p.OwnNames = true, true, true
	p.BillingStep = azureStep
	p.Metering = Metering{Step: azureStep, Daily: 400_000}
	p.Refusal = "is the device of this client_id enabled in the hub, and with this key or certificate? A token is good only by the right date: `date` shows it"
}
