package ds18b20

// Functions under test.
var (
	Parse    = parse
	Checksum = checksum
)
