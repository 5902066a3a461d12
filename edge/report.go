package edge

import (
	"log/slog"
	"time"

	"skerry/queue"
)

// report says what was found in the data directory, and what had to be set aside. What is harmless, or what a restart
// always leaves, is in one line, with how many deliveries wait; each thing that cost something, or may have, has a line of its own.
func report(log *slog.Logger, r queue.Report, waiting uint64) {
	log.Info("storage is open", "waiting", waiting, "records_read", r.Records, "clean", !r.Unclean, "took", r.Duration.Round(time.Millisecond))
	if r.PowerLost {
		log.Info("the power was lost: what was being written then is gone, nothing that was acknowledged", "cut_off_blocks", r.TornBlocks)
	}
	if r.Lied {
		log.Error("the disk has confirmed writes that it had not made: what was acknowledged shortly before the last power cut may be lost"+
			" (hint: `skerry powercut` tries a card; one that does this should be replaced)", "checkpoint", r.Checkpoint)
	}
	if r.Forgotten {
		log.Error("there is no checkpoint that can be used, and parts of the log are gone: sessions, subscriptions and retained"+
			" messages that only the checkpoints held are lost; what waits in the rest of the log is used"+
			" (hint: a card that loses data should be replaced)", "checkpoints", r.UnreadableCheckpoints)
		r.UnreadableCheckpoints = nil
	}
	if r.Damaged > 0 || r.LostRecords > 0 {
		log.Error("storage was damaged: the part that could not be read is lost, all else is used"+
			" (hint: `skerry queue verify` says what; a card that loses data should be replaced)", "ranges", r.Damaged, "lost", r.LostRecords)
	}
	if len(r.Quarantined) > 0 {
		log.Warn("copies of the damaged parts are kept; they may be removed", "copies", r.Quarantined)
	}
	for _, why := range r.UnreadableCheckpoints {
		log.Warn("a checkpoint cannot be used and is made again: that costs time and nothing else", "checkpoint", why)
	}
	if r.Unknown > 0 {
		log.Warn("storage has records that this version does not know and has passed over; a newer version wrote them", "records", r.Unknown)
	}
}
