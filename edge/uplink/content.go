package uplink

// ContentFilter is the name of the broker's private content filter that decides what a stream carries, where one does (config.Stream.Chooses).
// No filter of a configuration can have it.
func ContentFilter(stream string) string { return "$" + stream }
