package config

import "time"

// Stream is a part of the local traffic that leaves the site, kept in order. Its name is the identity of its backlog.
type Stream struct {
	Name  string   `yaml:"-"`
	Match []string `yaml:"match"` // Topic Filters
	Class string   `yaml:"class" oneof:"alarm state live backfill"`
	Keep  Queue    `yaml:"keep"` // what it may hold while it waits

	Encode   Encoding       `yaml:"encode" oneof:"pass json pack"`
	Linger   *time.Duration `yaml:"linger" in:"0s..1d"`      // how long a message may wait for others of its block; nil: by class and kind of link
	Block    Size           `yaml:"block" in:"256B..128KiB"` // of a block at most; 0: as is cheapest
	Compress string         `yaml:"compress" oneof:"gzip"`   // of json; "": it is not
	Primer   int            `yaml:"primer" in:"1..1000000"`  // after how many blocks the Server is given a primer again; 0: as is usual

	When     When     `yaml:"when"`      // of which it must hold; the zero When: of all
	OnChange OnChange `yaml:"on_change"` // leaves out what repeats itself
	Reduce   *Reduce  `yaml:"reduce"`    // nil: what it matches goes as it is

	Expect *Expect `yaml:"expect"` // of other clients; nil: nothing is known of them

	WhenTight *WhenTight `yaml:"when_tight"` // of class live: how it is thinned out while a budget is tight; nil: it waits then
}

// Encoding is how the messages of a stream leave.
type Encoding string

// The encodings.
const (
	EncodePass Encoding = "pass" // each under its own topic
	EncodeJSON Encoding = "json" // many as one array
	EncodePack Encoding = "pack" // many as one block, byte for byte: see package pack
)

// Gzip is how blocks of json can be compressed.
const Gzip = "gzip"

// The classes rank a stream against the others of its uplink.
const (
	AlarmClass    = "alarm"    // before all others
	StateClass    = "state"    // of each topic the latest message only
	LiveClass     = "live"     // what is measured now
	BackfillClass = "backfill" // what is made up for
)

// Uplink is a Server upstream and what goes to and comes from it.
type Uplink struct {
	Name         string    `yaml:"-"`
	Servers      Servers   `yaml:"mqtt"` // at least one, tried in order
	Profile      string    `yaml:"profile" oneof:"generic mosquitto hivemq emqx rabbitmq activemq joram nats aws-iot azure-iot"`
	Version      Version   `yaml:"version"`
	ClientID     string    `yaml:"client_id"` // default: the gateway's id
	User         string    `yaml:"user"`
	PasswordFile string    `yaml:"password_file"` // "": no password; read it with Password
	SASKeyFile   string    `yaml:"sas_key_file"`  // "": no key of an Azure IoT Hub; read it with SASKey
	TLS          ClientTLS `yaml:"tls"`

	Carry  []string `yaml:"carry"`  // names of streams
	Prefix string   `yaml:"prefix"` // upstream topic = Prefix + local topic

	Receive ReceiveMap `yaml:"receive"`

	Links     []Link        `yaml:"links"`                   // at least one, in order of preference
	KeepAlive KeepAlive     `yaml:"keep_alive" in:"5s..18h"` // of links that have none
	Retry     DurationRange `yaml:"retry" in:"100ms..1d"`    // the first and the longest wait between attempts

	OnLostSession OnLostSession `yaml:"on_lost_session" oneof:"again drop"`

	Billing *Billing `yaml:"billing"` // of the Server, by message; nil: as its profile knows
}

// OnLostSession says what becomes of QoS 2 messages that a Server has confirmed with PUBREC and may not have passed on when it has lost the
// session.
type OnLostSession string

// What may be done.
const (
	PublishAgain OnLostSession = "again" // they may arrive twice
	GiveUp       OnLostSession = "drop"  // they may be lost
)

// ClientTLS is how an uplink checks its Server and shows itself. Paths of PEM files; an empty CA means those of the machine.
type ClientTLS struct {
	CA   string `yaml:"ca"`
	Cert string `yaml:"cert"` // client certificate, with Key
	Key  string `yaml:"key"`

	Max         string `yaml:"max" oneof:"1.2 1.3"` // the newest version that is used
	PostQuantum bool   `yaml:"post_quantum"`        // offer a key exchange that a quantum computer cannot break: 1.3 kB each time
	Tickets     string `yaml:"tickets" oneof:"disk memory none"`
}

// Where the session tickets of TLS are kept.
const (
	TicketsOnDisk   = "disk" // encrypted, in the log
	TicketsInMemory = "memory"
	NoTickets       = "none"
)

// Version is a protocol level as it stands in CONNECT.
type Version byte

// The versions an uplink can speak.
const (
	V311 Version = 4
	V5   Version = 5
)
