package sdi12

// For the tests of the decoders.
var (
	CRC              = crc
	CheckCRC         = checkCRC
	ParseValues      = parseValues
	ParseMeasurement = parseMeasurement
)

// ParseStarted gives seconds and number of values.
func ParseStarted(body string, digits int) (seconds float64, values int, err error) {
	s, err := parseStarted(body, digits)
	return s.ready.Seconds(), s.values, err
}

// ParseIdentification gives version, maker, model and the rest.
func ParseIdentification(body string) (version int, maker, model, rest string, err error) {
	i, err := parseIdentification(body)
	return i.version, i.maker, i.model, i.rest, err
}
