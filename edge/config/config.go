package config

import (
	"time"

	"skerry/drivers"
)

// Config is one configuration file with all defaults filled in. Maps of the file are slices here where their order matters:
// the order is that of the file.
type Config struct {
	Path string // as given to Load
	Dir  string // the folder that relative paths in the file start from

	Gateway  Gateway
	Storage  Storage
	Broker   Broker
	Buses    map[string]Bus
	Defaults Defaults // already taken by the Sensors
	Sensors  []Sensor
	Outputs  []Output
	Alarms   []Alarm
	Streams  []Stream
	Uplinks  []Uplink
	Scenario *Scenario // what the simulated board plays; nil: the empty one

	HomeAssistant *HomeAssistant // nil: nobody is told

	places map[string]place // for Wrong
}

// Wrong returns an Error at the place of a key path, for what only a consumer of the configuration can find wrong.
func (c *Config) Wrong(key, problem, hint string) *Error {
	at := nearestPlace(c.places, key)
	return &Error{File: c.Path, Line: at.line, Column: at.column, Key: key, Problem: problem, Hint: hint}
}

// WrongSensor places what a consumer found wrong with a sensor: an error whose parts, where they are *drivers.OptionError,
// name keys below the sensor.
func (c *Config) WrongSensor(name string, err error) Errors {
	var all Errors
	for _, o := range optionErrors(err) {
		all = append(all, c.Wrong(deeper(below("sensors", name), o.Key), o.Problem, o.Hint))
	}
	return all
}

// Gateway is the identity of this station.
type Gateway struct {
	ID       string    `yaml:"id"`   // default: host name, and the board's serial number where it has one
	Site     string    `yaml:"site"` // default: site
	Board    string    `yaml:"board" oneof:"auto sim"`
	Scenario string    `yaml:"scenario"` // file that Config.Scenario was read from; "": none
	Location *Location `yaml:"location"` // nil: not given
	Clock    Clock     `yaml:"clock"`
	Watchdog string    `yaml:"watchdog"` // device of the machine's own; "": it is left alone
}

// Clock says who knows the date, and what happens until somebody does.
type Clock struct {
	Sources  []string `yaml:"sources"` // of gps, rtc and ntp, in order of preference; default: all in this order
	UntilSet UntilSet `yaml:"until_set" oneof:"hold mark"`
}

// UntilSet says what becomes of own readings while nobody knows the date.
type UntilSet string

// The choices.
const (
	Hold UntilSet = "hold" // uplinks wait with them for a while
	Mark UntilSet = "mark" // they leave with their mark
)

// Location is where the station stands: WGS 84 degrees, and metres above sea level.
type Location struct {
	Latitude  float64 `yaml:"lat" in:"-90..90"`
	Longitude float64 `yaml:"lon" in:"-180..180"`
	Altitude  Length  `yaml:"alt"`
}

// Storage is where the log lives.
type Storage struct {
	Path string `yaml:"path"` // absolute, or relative to the working directory
	// CommitWindow is how long the gateway's own readings may wait for a commit. A client's QoS 1 or 2 message never waits.
	CommitWindow time.Duration `yaml:"commit_window" in:"0s..1h"`

	// Block is what the log writes at least. An existing log keeps its own.
	Block Size `yaml:"block" oneof:"1KiB 4KiB"`

	Limit    Size          `yaml:"limit" in:"16MiB..1TiB"`     // of the files of the log
	KeepFree Size          `yaml:"keep_free" in:"0B..1TiB"`    // of the file system, left to others
	Messages uint64        `yaml:"messages" in:"1..999999999"` // owed to all sessions together; 0: not limited
	Age      time.Duration `yaml:"age" in:"1s..3650d"`         // of what is owed to a session; 0: not limited
	WhenFull WhenFull      `yaml:"when_full" oneof:"drop-oldest drop-newest reject"`

	KeepFreeGiven bool `yaml:"-"` // KeepFree stands in the file: without it, it is at most a tenth of the file system
}

// WhenFull says what gives way when a queue is full.
type WhenFull string

// The ways.
const (
	DropOldest WhenFull = "drop-oldest"
	DropNewest WhenFull = "drop-newest"
	Reject     WhenFull = "reject" // the publisher is told
)

// Broker is the local MQTT Server.
type Broker struct {
	UsersFile string     `yaml:"users_file"` // "": nobody has a password
	ACLFile   string     `yaml:"acl_file"`   // "": whoever is in may do everything
	ScramFile string     `yaml:"scram_file"` // "": nobody can log in by SCRAM-SHA-256
	Listeners []Listener `yaml:"listeners,named"`
	Limits    Limits     `yaml:"limits"`
	Filters   []Filter   `yaml:"filters,named"`
	Metrics   *Metrics   `yaml:"metrics"` // nil: not shown

	ResponseInformation string `yaml:"response_information"` // %c: the ClientID, %u: the user; "": none is given
}

// Metrics is where Prometheus asks. There are no passwords.
type Metrics struct {
	HTTP      string `yaml:"http"`      // host:port
	Anonymous bool   `yaml:"anonymous"` // must be said beyond loopback
}

// Listener is one address the broker can be reached at: one of TCP, HTTP and Unix.
type Listener struct {
	Name      string     `yaml:"-"`
	TCP       string     `yaml:"tcp"`     // host:port; the host is empty for all addresses of the machine
	HTTP      string     `yaml:"http"`    // the same for MQTT over WebSocket
	Path      string     `yaml:"path"`    // of the WebSocket
	Origins   []string   `yaml:"origins"` // whose pages may use it, beside its own
	Unix      string     `yaml:"unix"`    // path of a socket
	Mode      FileMode   `yaml:"mode"`    // of the socket
	TLS       *ServerTLS `yaml:"tls"`     // nil: plain
	Anonymous bool       `yaml:"anonymous"`
	UsersFile string     `yaml:"users_file"` // "" in the file: that of the Broker
	ACLFile   string     `yaml:"acl_file"`   // likewise
	ScramFile string     `yaml:"scram_file"` // likewise
	MovedTo   string     `yaml:"moved_to"`   // where all clients are sent for good; "": they are served
	UseOther  string     `yaml:"use_other"`  // likewise, for now

	Limits ListenerLimits `yaml:"limits"`
}

// ServerTLS is what a listener shows to its clients, and asks of them. All paths are of PEM files.
type ServerTLS struct {
	Cert     string         `yaml:"cert"`
	Key      string         `yaml:"key"`
	ClientCA string         `yaml:"client_ca"` // "": clients need no certificate
	Identity ClientIdentity `yaml:"identity" oneof:"cn san none"`
}

// ClientIdentity says what of a client's certificate is its user.
type ClientIdentity string

// The choices.
const (
	CommonName     ClientIdentity = "cn"
	SubjectAltName ClientIdentity = "san"
	NoIdentity     ClientIdentity = "none" // clients log in as everywhere
)

// ListenerLimits are Limits of one listener.
type ListenerLimits struct {
	Connections int  `yaml:"connections" in:"1..100000"`
	Packet      Size `yaml:"packet" in:"128B..960KiB"`
	Inflight    int  `yaml:"inflight" in:"1..65535"`
}

// Limits bound what clients may take.
type Limits struct {
	Connections int  `yaml:"connections" in:"1..100000"` // Network Connections at a time
	Packet      Size `yaml:"packet" in:"128B..960KiB"`   // Maximum Packet Size; more does not fit into one record of the log
	Inflight    int  `yaml:"inflight" in:"1..65535"`     // Receive Maximum: unacknowledged QoS 1 and 2 messages each way

	Sessions      int           `yaml:"sessions" in:"1..1000000"`       // connected or kept
	SessionExpiry time.Duration `yaml:"session_expiry" in:"1s..36500d"` // how long a session is kept for a client that is away
	KeepAlive     time.Duration `yaml:"keep_alive" in:"1s..18h"`        // the longest; 0: the client's own counts
	Subscriptions int           `yaml:"subscriptions" in:"1..1000000"`  // of one session
	Topic         TopicLimits   `yaml:"topic"`                          // of Topic Names and Topic Filters
	Retained      Retained      `yaml:"retained"`                       // all together
	Rate          MessageRate   `yaml:"rate"`                           // of one client
	Connects      ConnectRate   `yaml:"connects"`                       // new Network Connections

	Queue Queue `yaml:"queue"`
}

// TopicLimits bound what a topic may look like.
type TopicLimits struct {
	Levels int  `yaml:"levels" in:"1..200"`
	Length Size `yaml:"length" in:"1B..65535B"`
}

// Retained bounds the retained messages.
type Retained struct {
	Messages int  `yaml:"messages" in:"1..10000000"`
	Bytes    Size `yaml:"bytes" in:"1KiB..1GiB"` // topic names, properties and payloads
}

// MessageRate bounds what one client may send. Zero: not limited.
type MessageRate struct {
	Messages Rate     `yaml:"messages" in:"1/h..1000000/s"`
	Bytes    ByteRate `yaml:"bytes" in:"1KiB/h..1TiB/s"`
}

// ConnectRate bounds how often clients may connect. Zero: not limited.
type ConnectRate struct {
	Address Rate `yaml:"address" in:"1/h..1000000/s"` // one IP address; beyond it connections are closed
	Total   Rate `yaml:"total" in:"1/h..1000000/s"`   // beyond it they wait
}

// Queue bounds what waits for one client that keeps its session. A zero number is no limit.
type Queue struct {
	Messages uint64        `yaml:"messages" in:"1..999999999"`
	Bytes    Size          `yaml:"bytes" in:"1KiB..1TiB"` // topic names, properties and payloads
	Age      time.Duration `yaml:"age" in:"1s..3650d"`
	WhenFull WhenFull      `yaml:"when_full" oneof:"drop-oldest drop-newest reject"`
}

// Bus is one bus or port of the board, under the name that sensors use.
type Bus struct {
	Name    string          `yaml:"-"`
	Kind    drivers.BusKind `yaml:"-"`
	Device  string          `yaml:"-"`                      // such as /dev/i2c-1 or /dev/serial0
	I2C     string          `yaml:"i2c"`                    // as written; Kind and Device come of it
	Serial  string          `yaml:"serial"`                 // as written; Kind and Device come of it
	SPI     string          `yaml:"spi"`                    // as written; Kind and Device come of it
	OneWire string          `yaml:"onewire" oneof:"kernel"` // as written; Kind comes of it
	Timeout time.Duration   `yaml:"timeout" in:"1ms..1min"` // of one transfer; 0: the board's default
	Baud    int             `yaml:"baud" in:"50..4000000"`  // serial only, as are the next three
	Parity  string          `yaml:"parity" oneof:"none even odd"`
	Data    int             `yaml:"data_bits" in:"5..8"`
	Stop    int             `yaml:"stop_bits" in:"1..2"`
	RS485   *RS485          `yaml:"rs485"`
	Speed   Frequency       `yaml:"max_speed" in:"1kHz..1GHz"` // spi only; 0: what the driver asks for
}

// RS485 is how the direction of an RS-485 line is switched. The times and the level are those of the kernel's way.
type RS485 struct {
	Direction string        `yaml:"direction" oneof:"auto kernel adapter"`
	Before    time.Duration `yaml:"rts_before" in:"0ms..100ms"`
	After     time.Duration `yaml:"rts_after" in:"0ms..100ms"`
	RTS       string        `yaml:"rts" oneof:"high low"` // while sending
}

// Defaults are taken by every sensor that says nothing else.
type Defaults struct {
	Every      time.Duration `yaml:"every" in:"10ms..31d"`
	Topic      string        `yaml:"topic"` // template; Sensor and Value hold the resolved names
	Payload    Payload       `yaml:"payload" oneof:"json value template cbor"`
	Template   *Template     `yaml:"template"`
	QoS        byte          `yaml:"qos" in:"0..2"`
	Retain     bool          `yaml:"retain"`
	StaleAfter StaleAfter    `yaml:"stale_after"`
	Align      Align         `yaml:"align" oneof:"clock start"`
	Get        string        `yaml:"get"` // template of a topic; "": readings cannot be asked for
}

// Payload is the form of a published reading.
type Payload string

// The forms that exist.
const (
	JSON      Payload = "json"     // {"value":21.53,"unit":"°C","time":"..."}, or one object of all values
	Bare      Payload = "value"    // the number alone
	Formatted Payload = "template" // in words of the user
	CBOR      Payload = "cbor"     // SenML in CBOR, RFC 8428
)
