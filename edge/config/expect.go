package config

// Expect is what other clients are expected to publish of what a stream matches: for forecasts, and for nothing else.
type Expect struct {
	Messages Rate `yaml:"messages" in:"0.001/h..1000000/s"`
	Size     Size `yaml:"size" in:"1B..256KiB"` // of a payload; 0 in the file: 64 B
}

const usualSize = 64

// expected completes what a stream expects.
func (d *decoder) expected(at string, s *Stream) {
	key := below(at, "expect")
	if s.Expect == nil || !d.sound(key) {
		return
	}
	if s.Expect.Messages == 0 {
		d.fail(key, "does not say how many messages", "expect: {messages: 60/h, size: 100B}")
	}
	if s.Expect.Size == 0 {
		s.Expect.Size = usualSize
	}
}
