package pulse

import "skerry/drivers"

// Marks is how many marks the window of a sensor keeps.
func Marks(x drivers.Sensor) int { return len(x.(*sensor).window.marks) }

// State is the state of a sensor that counted so much.
func State(pulses, lost uint64) []byte {
	return (&sensor{counter: counter{pulses: pulses, lost: lost}}).State()
}
