package control

import (
	"math"
	"time"

	"skerry/queue"
)

// Numbers is the row of Stats. What counts writes counts since the station was started, and is left out for a stopped one.
type Numbers struct {
	Live   bool    `json:"live"`
	Uptime float64 `json:"uptime_s,omitempty"`

	Slots    int `json:"slots"` // files of the log, spares included
	Segments int `json:"segments"`
	Sessions int `json:"sessions"`

	// Daily is what the store writes in a day, at the rate of this run: log and checkpoints. 0: it has run for less than a minute.
	Daily float64 `json:"bytes_per_day,omitempty"`

	Log    *LogNumbers    `json:"log,omitempty"`
	Device *DeviceNumbers `json:"device,omitempty"`
	Start  StartNumbers   `json:"start"`
}

// LogNumbers say what was written.
type LogNumbers struct {
	Groups    uint64 `json:"groups"` // commits
	Records   uint64 `json:"records"`
	Messages  uint64 `json:"messages"` // of the records
	Flushes   uint64 `json:"flushes"`
	Bytes     uint64 `json:"bytes"`
	Elided    uint64 `json:"elided"`
	Coalesced uint64 `json:"coalesced"`
	Moved     uint64 `json:"moved,omitempty"`
	Damaged   uint64 `json:"damaged,omitempty"` // ranges met while it ran, those of the start included
	Freed     uint64 `json:"freed"`             // segments whose space came back

	Checkpoints      uint64 `json:"checkpoints"`
	CheckpointBytes  uint64 `json:"checkpoint_bytes"`
	CheckpointFailed uint64 `json:"checkpoints_failed,omitempty"`

	Pending    int               `json:"pending"`
	Committing float64           `json:"committing_s,omitempty"`
	Dropped    map[string]uint64 `json:"dropped,omitempty"`
}

// DeviceNumbers say what the device under the store was written, by everybody.
type DeviceNumbers struct {
	Name  string  `json:"name"`
	Bytes uint64  `json:"bytes"`
	Daily float64 `json:"bytes_per_day,omitempty"`
}

// StartNumbers say what was found when the store was opened.
type StartNumbers struct {
	Clean       bool     `json:"clean"`
	PowerLost   bool     `json:"power_lost"`
	Records     int      `json:"records"`
	Messages    int      `json:"messages"`
	Torn        int      `json:"torn_blocks"`
	Damaged     int      `json:"damaged"`
	Lost        uint64   `json:"lost_records"`
	Unknown     int      `json:"unknown_records"`
	Quarantined []string `json:"quarantined,omitempty"`
	Lied        bool     `json:"lied"`                 // the card had confirmed a flush that it had not done
	Checkpoint  string   `json:"checkpoint,omitempty"` // that was used
	Unreadable  []string `json:"unreadable_checkpoints,omitempty"`
	Took        float64  `json:"took_s"`
}

func (s *Station) numbers() Numbers {
	st := s.Store.Stats()
	n := Numbers{Live: s.Live, Slots: st.Slots, Segments: st.Segments, Sessions: st.Sessions, Start: started(s.Report)}
	if !s.Live {
		return n
	}
	n.Log = logNumbers(st)
	if s.Wear != nil {
		n.Uptime = seconds(time.Since(s.Wear.began))
		if name, bytes := s.Wear.Written(); name != "" {
			n.Device = &DeviceNumbers{Name: name, Bytes: bytes, Daily: daily(bytes, n.Uptime)}
		}
		n.Daily = daily(st.Bytes+st.CheckpointBytes, n.Uptime)
	}
	return n
}

// daily is what so many bytes in so many seconds come to in a day.
func daily(bytes uint64, seconds float64) float64 {
	const least, day = 60, 86400
	if seconds < least {
		return 0
	}
	return math.Round(float64(bytes) / seconds * day)
}

func logNumbers(st queue.Stats) *LogNumbers {
	return &LogNumbers{
		Groups: st.Groups, Records: st.Records, Messages: st.Messages, Flushes: st.Flushes, Bytes: st.Bytes,
		Elided: st.Elided, Coalesced: st.Coalesced, Moved: st.Moved, Pending: st.Pending,
		Damaged: st.Damaged, Freed: st.Freed, Checkpoints: st.Checkpoints, CheckpointBytes: st.CheckpointBytes,
		CheckpointFailed: st.CheckpointFailures, Dropped: drops(st.Drops),
		Committing: seconds(st.Committing),
	}
}

func started(r queue.Report) StartNumbers {
	return StartNumbers{
		Clean: !r.Unclean, PowerLost: r.PowerLost, Records: r.Records, Messages: r.Messages, Torn: r.TornBlocks,
		Damaged: r.Damaged, Lost: r.LostRecords, Unknown: r.Unknown, Quarantined: r.Quarantined,
		Lied: r.Lied, Checkpoint: r.Checkpoint, Unreadable: r.UnreadableCheckpoints, Took: seconds(r.Duration),
	}
}
