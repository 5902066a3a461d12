package sim

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// PWM is a chip with two channels, as the kernel of a Raspberry Pi shows it.
type PWM struct {
	files *Files

	mu       sync.Mutex
	channels map[int]*pwmChannel // those that are exported
}

type pwmChannel struct{ period, duty, enable int64 }

// The folders in which the chip is seen.
var pwmFolders = []string{"sys/class/pwm/pwmchip0", "sys/bus/platform/devices/fe20c000.pwm/pwm/pwmchip0"}

const pwmChannels = 2

// newPWM makes the files of the chip.
func newPWM(f *Files) *PWM {
	p := &PWM{files: f, channels: map[int]*pwmChannel{}}
	for _, folder := range pwmFolders {
		f.Set(folder+"/npwm", Text(fmt.Sprintf("%d\n", pwmChannels)))
		f.Set(folder+"/export", File{Write: p.export})
	}
	return p
}

// Duty is the duty cycle of a channel in percent; false: it does not run.
func (p *PWM) Duty(channel int) (percent float64, runs bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.channels[channel]
	if c == nil || c.enable == 0 {
		return 0, false
	}
	return 100 * float64(c.duty) / float64(c.period), true
}

// export makes the files of a channel.
func (p *PWM) export(data string) error {
	n, err := strconv.Atoi(strings.TrimSpace(data))
	if err != nil || n < 0 || n >= pwmChannels {
		return syscall.ENODEV
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.channels[n] != nil {
		return syscall.EBUSY
	}
	c := new(pwmChannel)
	p.channels[n] = c
	for _, folder := range pwmFolders {
		at := fmt.Sprintf("%s/pwm%d/", folder, n)
		p.files.Set(at+"period", p.file(&c.period, func(n int64) bool { return n > 0 && n >= c.duty }))
		p.files.Set(at+"duty_cycle", p.file(&c.duty, func(n int64) bool { return n >= 0 && n <= c.period }))
		p.files.Set(at+"enable", p.file(&c.enable, func(n int64) bool { return n == 0 || n == 1 && c.period > 0 }))
	}
	return nil
}

// file is one number, and what the kernel takes for it.
func (p *PWM) file(n *int64, takes func(int64) bool) File {
	return File{
		Read: func() (string, error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			return fmt.Sprintf("%d\n", *n), nil
		},
		Write: func(data string) error {
			p.mu.Lock()
			defer p.mu.Unlock()
			x, err := strconv.ParseInt(strings.TrimSpace(data), 10, 64)
			if err != nil || !takes(x) {
				return syscall.EINVAL
			}
			*n = x
			return nil
		},
	}
}
