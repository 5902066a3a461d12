package control

import "errors"

// Uplinks are those of a running station.
type Uplinks interface{ List() []Uplink }

// Uplink is a row of UplinkList.
type Uplink struct {
	Name      string            `json:"uplink"`
	Online    bool              `json:"online"`
	For       float64           `json:"for_s,omitempty"` // how long it has been so; none: it was never online
	Server    string            `json:"server,omitempty"`
	Version   string            `json:"version,omitempty"` // of MQTT
	Error     string            `json:"error,omitempty"`   // why it is not online
	Link      string            `json:"link,omitempty"`    // in use, or tried last
	RoundTrip float64           `json:"round_trip_s,omitempty"`
	AckTime   float64           `json:"acknowledged_after_s,omitempty"` // the longest that a reading took lately, from when it was published
	Waiting   uint64            `json:"waiting"`                        // messages of QoS 1 and 2, of all streams
	Bytes     uint64            `json:"waiting_bytes"`
	Drain     *float64          `json:"drain_s,omitempty"`   // how long these take to leave; none: not known, or it grows
	Offline   *float64          `json:"offline_s,omitempty"` // how long the store takes in what comes while nothing leaves; none: not known
	Links     []UplinkLink      `json:"links"`               // in order of preference
	Streams   []UplinkStream    `json:"streams"`
	Aside     map[string]uint64 `json:"aside,omitempty"`           // messages by stream that is carried no more
	NoFilters map[string]string `json:"refused_filters,omitempty"` // under receive, with the server's reason
	Counts    UplinkCounts      `json:"counts"`
}

// UplinkLink is one of the links.
type UplinkLink struct {
	Name      string   `json:"link"`
	Kind      string   `json:"kind"`
	Interface string   `json:"interface,omitempty"`
	State     string   `json:"state"`
	For       float64  `json:"for_s"`
	InUse     bool     `json:"in_use"`
	Wanted    bool     `json:"wanted"` // else it is out of its schedule, or nothing waits for it
	Classes   []string `json:"classes,omitempty"`
	Error     string   `json:"error,omitempty"`
	Next      *float64 `json:"next_s,omitempty"`    // until it is tried again
	Session   *float64 `json:"session_s,omitempty"` // until the next session of its schedule

	Mode string `json:"mode"`               // when it connects: always, on-demand or schedule
	Why  string `json:"mode_why,omitempty"` // none: that is configured

	KeepAlive float64 `json:"keep_alive_s"`                   // after so long a silence the server is asked
	Phase     string  `json:"keep_alive_phase"`               // fixed, or how far it is learned
	Proven    float64 `json:"keep_alive_proven_s,omitempty"`  // the longest silence that has done
	Refuted   float64 `json:"keep_alive_refuted_s,omitempty"` // the shortest that is too long
	Lost      uint64  `json:"keep_alive_lost,omitempty"`      // connections that learning has cost
	Frozen    string  `json:"keep_alive_rests,omitempty"`     // why nothing is learned now
	Signal    *Signal `json:"signal,omitempty"`               // none: there is no modem
	Budget    *Budget `json:"budget,omitempty"`               // none: it is not limited and nothing was counted
	Recovery  string  `json:"modem_recovery,omitempty"`       // the last step that was to bring the modem back
}

// Signal is what a modem says.
type Signal struct {
	Band     string   `json:"band"`
	Figures  string   `json:"figures,omitempty"`
	Operator string   `json:"operator,omitempty"`
	Held     []string `json:"held,omitempty"` // classes
	Error    string   `json:"error,omitempty"`
}

// Budget is what a link has used, in bytes of IP packets in both directions.
type Budget struct {
	Bytes   int64            `json:"bytes"`             // since the start
	Since   float64          `json:"since_s"`           // how long ago that was
	Classes map[string]int64 `json:"classes,omitempty"` // of it
	Held    map[string]int64 `json:"held,omitempty"`    // messages by class that wait for the budget, or have
	Dropped map[string]int64 `json:"dropped,omitempty"` // likewise, that are not sent because of it
	Rung    string           `json:"rung"`              // how far what is sent is cut down
	Periods []BudgetPeriod   `json:"periods,omitempty"`

	Forecast *Foretold `json:"forecast,omitempty"` // none: it is not known what the configuration should cost
}

// Foretold is what a configuration should cost, as skerry explain has it, in bytes a day. Who asks the station adds it.
type Foretold struct {
	Typical float64 `json:"typical"`
	Worst   float64 `json:"worst"`
}

// BudgetPeriod is one allowance.
type BudgetPeriod struct {
	Period    string   `json:"period"` // day or month
	Used      int64    `json:"used"`
	Allowed   int64    `json:"allowed"`
	Known     bool     `json:"known"`                 // whether there is a forecast
	Projected int64    `json:"projected,omitempty"`   // at its end
	Exhausted *float64 `json:"exhausted_s,omitempty"` // until then; none: not in this period
	Cost      string   `json:"cost,omitempty"`        // of Projected

	Elapsed float64 `json:"elapsed_s,omitempty"` // how long Used has been counted in this period; 0: not known

	Classes map[string]int64 `json:"classes,omitempty"` // of Used; under "unknown" what was charged ahead of a power cut
}

// UplinkStream is what one stream holds.
type UplinkStream struct {
	Name    string            `json:"stream"`
	Class   string            `json:"class"`
	Pair    string            `json:"pair,omitempty"`
	Gathers bool              `json:"gathers"`
	Waiting uint64            `json:"waiting"`
	Bytes   uint64            `json:"waiting_bytes"`
	Oldest  float64           `json:"oldest_s,omitempty"`
	Halt    string            `json:"halt,omitempty"`    // why nothing of it is taken
	Dropped map[string]uint64 `json:"dropped,omitempty"` // by reason
	Thinned uint64            `json:"thinned,omitempty"` // left out while a budget was tight: dropped, or of a pair put into the other stream
}

// UplinkCounts are sums since the start of the station.
type UplinkCounts struct {
	Attempts      uint64 `json:"attempts"`
	Connections   uint64 `json:"connections"`
	LostSession   uint64 `json:"lost_sessions"`
	PublishedAnew uint64 `json:"published_anew"` // QoS 2: confirmed by the server, and lost, as it seems
	MaybeLost     uint64 `json:"maybe_lost"`     // the same, and not published anew
	Sent          uint64 `json:"sent"`
	Acknowledged  uint64 `json:"acknowledged"`
	Repeated      uint64 `json:"repeated"` // sent with DUP: they may have been sent before
	Downgraded    uint64 `json:"downgraded"`
	Refused       uint64 `json:"refused"`
	Deferred      uint64 `json:"deferred"`
	Expired       uint64 `json:"expired"`
	Superseded    uint64 `json:"superseded"`
	Thinned       uint64 `json:"thinned"`
	Overtaken     uint64 `json:"overtaken"`
	Received      uint64 `json:"received"`
	Again         uint64 `json:"received_again"`
	Unwanted      uint64 `json:"unwanted"`
	SentBlocks    uint64 `json:"sent_blocks"`    // of these, with many messages
	InBlocks      uint64 `json:"in_blocks"`      // messages in those
	BlockBytes    uint64 `json:"block_bytes"`    // of those, without TCP and TLS
	PlainBytes    uint64 `json:"plain_bytes"`    // topics, properties and payloads of the messages in those
	Blocks        uint64 `json:"blocks"`         // of the encoding pack, from the server
	Unpacked      uint64 `json:"unpacked"`       // messages of these that were new
	DamagedBlocks uint64 `json:"damaged_blocks"` // dropped
	NewerBlocks   uint64 `json:"newer_blocks"`   // likewise: this version cannot read them
	WaitingBlocks uint64 `json:"waiting_blocks"` // now, for their primer
	UnreadBlocks  uint64 `json:"unread_blocks"`  // published as they came, because it did not come
	Clashes       uint64 `json:"clashes"`        // gateways that were found to be two
	Forgotten     uint64 `json:"forgotten"`      // of what has come: may be published twice
}

// ErrNoUplinks says that nobody keeps the uplinks.
var ErrNoUplinks = errors.New("the station does not run (hint: `skerry queue stats` shows what waits in its streams)")

func (s *Station) listUplinks(emit func(any) error) error {
	if s.Uplinks == nil {
		return ErrNoUplinks
	}
	for _, u := range s.Uplinks.List() {
		if err := emit(u); err != nil {
			return err
		}
	}
	return nil
}
