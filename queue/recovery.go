package queue

import "time"

// Recovery is what Open found.
type Recovery struct {
	Retained []*Message // the latest per topic, deletions applied, in log order
	Report   Report
}

// A Report says what replay met.
type Report struct {
	Unclean     bool // the last run did not close the log
	PowerLost   bool // the kernel was started since: packet ids are skipped and swept
	Segments    int
	Records     int
	Messages    int
	TornBlocks  int      // blocks of the last, unacknowledged group that were cut off
	Damaged     int      // damaged ranges in the middle: records were lost
	LostRecords uint64   // how many, as far as known
	Unknown     int      // records of an unknown kind that were skipped
	Quarantined []string // copies of damaged slots
	Duration    time.Duration
}
