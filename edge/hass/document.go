package hass

// Document is the payload of device discovery. Home Assistant refuses a document with another key on this level, or in Device.
// Source: www.home-assistant.io/integrations/mqtt, "Device discovery payload".
type Document struct {
	Device     Device               `json:"device"`
	Origin     Origin               `json:"origin"`
	Components map[string]Component `json:"components"` // keys have no blanks: Home Assistant divides its ids by them
}

// Device is a device as Home Assistant shows it.
type Device struct {
	Identifiers   []string `json:"identifiers"`
	Name          string   `json:"name"`
	Manufacturer  string   `json:"manufacturer,omitempty"`
	Model         string   `json:"model,omitempty"`
	SoftwareRev   string   `json:"sw_version,omitempty"`
	SuggestedArea string   `json:"suggested_area,omitempty"`
	ViaDevice     string   `json:"via_device,omitempty"` // the identifier of the gateway
}

// Origin is the program that has made a document.
type Origin struct {
	Name        string `json:"name"`
	SoftwareRev string `json:"sw_version,omitempty"`
}

// Component is one entity. One that has only a platform takes the entity out.
type Component struct {
	Platform    string `json:"platform"`
	UniqueID    string `json:"unique_id,omitempty"`
	Name        string `json:"name,omitempty"`
	DeviceClass string `json:"device_class,omitempty"`
	StateClass  string `json:"state_class,omitempty"`
	Unit        string `json:"unit_of_measurement,omitempty"`
	Precision   *int   `json:"suggested_display_precision,omitempty"` // decimals
	Category    string `json:"entity_category,omitempty"`
	Enabled     *bool  `json:"enabled_by_default,omitempty"`

	StateTopic      string   `json:"state_topic,omitempty"`
	ValueTemplate   string   `json:"value_template,omitempty"`
	Options         []string `json:"options,omitempty"` // of the device class enum
	PayloadOn       string   `json:"payload_on,omitempty"`
	PayloadOff      string   `json:"payload_off,omitempty"`
	ExpireAfter     int      `json:"expire_after,omitempty"` // seconds
	AttributesTopic string   `json:"json_attributes_topic,omitempty"`

	CommandTopic    string   `json:"command_topic,omitempty"`
	CommandTemplate string   `json:"command_template,omitempty"`
	QoS             int      `json:"qos,omitempty"` // of commands too
	Min             *float64 `json:"min,omitempty"` // of a number, as are the next two
	Max             *float64 `json:"max,omitempty"`
	Step            *float64 `json:"step,omitempty"`

	Availability     []Availability `json:"availability,omitempty"` // of different topics: Home Assistant keeps one of each
	AvailabilityMode string         `json:"availability_mode,omitempty"`
}

// Availability is a topic that says whether an entity is available: "online" or "offline", or a template comes to that.
type Availability struct {
	Topic         string `json:"topic"`
	ValueTemplate string `json:"value_template,omitempty"`
}

// The platforms.
const (
	sensorPlatform = "sensor"
	binaryPlatform = "binary_sensor"
	switchPlatform = "switch"
	numberPlatform = "number"
)

// diagnostic is the category of what tells of the station, not of what it measures.
const diagnostic = "diagnostic"

// The payloads of availability, which are Home Assistant's defaults.
const (
	online  = "online"
	offline = "offline"
)
