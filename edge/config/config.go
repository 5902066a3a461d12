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
	Streams  []Stream
	Uplinks  []Uplink

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
	Location *Location `yaml:"location"` // nil: not given

	_ struct{} `later:"clock"`
}

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

	_ struct{} `later:"limit keep_free"`
}

// Broker is the local MQTT Server.
type Broker struct {
	UsersFile string     `yaml:"users_file"` // "": nobody has a password
	Listeners []Listener `yaml:"listeners,named"`
	Limits    Limits     `yaml:"limits"`

	_ struct{} `later:"acl_file filters"`
}

// Listener is one address the broker can be reached at.
type Listener struct {
	Name      string     `yaml:"-"`
	TCP       string     `yaml:"tcp"` // host:port; the host is empty for all addresses of the machine
	TLS       *ServerTLS `yaml:"tls"` // nil: plain
	Anonymous bool       `yaml:"anonymous"`

	_ struct{} `later:"http path unix"`
}

// ServerTLS is what a listener shows to its clients. Both are paths of PEM files.
type ServerTLS struct {
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`

	_ struct{} `later:"client_ca"`
}

// Limits bound what clients may take.
type Limits struct {
	Connections int  `yaml:"connections" in:"1..100000"` // Network Connections at a time
	Packet      Size `yaml:"packet" in:"128B..960KiB"`   // Maximum Packet Size; more does not fit into one record of the log
	Inflight    int  `yaml:"inflight" in:"1..65535"`     // Receive Maximum: unacknowledged QoS 1 and 2 messages each way

	_ struct{} `later:"session_expiry queue"`
}

// Bus is one bus or port of the board, under the name that sensors use.
type Bus struct {
	Name    string          `yaml:"-"`
	Kind    drivers.BusKind `yaml:"-"`
	Device  string          `yaml:"-"`                      // such as /dev/i2c-1 or /dev/serial0
	I2C     string          `yaml:"i2c"`                    // as written; Kind and Device come of it
	Serial  string          `yaml:"serial"`                 // as written; Kind and Device come of it
	Timeout time.Duration   `yaml:"timeout" in:"1ms..1min"` // of one transfer; 0: the board's default
	Baud    int             `yaml:"baud" in:"50..4000000"`  // serial only, as are the next three
	Parity  string          `yaml:"parity" oneof:"none even odd"`
	Data    int             `yaml:"data_bits" in:"5..8"`
	Stop    int             `yaml:"stop_bits" in:"1..2"`

	_ struct{} `later:"onewire spi rs485"`
}

// Defaults are taken by every sensor that says nothing else.
type Defaults struct {
	Every      time.Duration `yaml:"every" in:"10ms..31d"`
	Topic      string        `yaml:"topic"` // template; Sensor and Value hold the resolved names
	Payload    Payload       `yaml:"payload" oneof:"json value" later:"template cbor"`
	QoS        byte          `yaml:"qos" in:"0..2"`
	Retain     bool          `yaml:"retain"`
	StaleAfter StaleAfter    `yaml:"stale_after"`
}

// Payload is the form of a published reading.
type Payload string

// The forms that exist.
const (
	JSON Payload = "json"  // {"value":21.53,"unit":"°C","time":"..."}, or one object of all values
	Bare Payload = "value" // the number alone
)
