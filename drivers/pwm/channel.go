package pwm

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"syscall"
	"time"

	"skerry/drivers"
)

// class is where the kernel shows its chips.
const class = "sys/class/pwm/"

// channel is one in use.
type channel struct {
	files   drivers.Files
	chip    string // as configured
	number  int
	period  int64 // ns
	low     bool  // the low level is what the duty cycle is the part of
	value   float64
	written int64 // the duty cycle of value
}

func open(ctx context.Context, b drivers.Buses, s drivers.Setup, _ float64) (drivers.Actuator, error) {
	o := s.Opts.(*Opts)
	c := &channel{files: b.Files(), chip: o.Chip, number: o.Channel, period: int64(o.Frequency.period()), low: o.Active == "low"}
	c.written = c.duty(c.value)
	if _, err := c.exported(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

// String names the channel.
func (c *channel) String() string {
	if c.chip == "" {
		return fmt.Sprintf("PWM channel %d", c.number)
	}
	return fmt.Sprintf("PWM channel %d of %s", c.number, c.chip)
}

// Halt leaves the channel as it is: it goes on by itself.
func (c *channel) Halt() error { return nil }

// Set writes the period where it is another one, the duty cycle, and switches the channel on.
func (c *channel) Set(ctx context.Context, value float64) error {
	folder, err := c.exported(ctx)
	if err != nil {
		return err
	}
	if err := c.write(ctx, folder, c.duty(value)); err != nil {
		return fmt.Errorf("%s: %w", c, err)
	}
	c.value, c.written = value, c.duty(value)
	return nil
}

// write brings the channel to a duty cycle. At no moment it may be longer than the period.
func (c *channel) write(ctx context.Context, folder string, duty int64) error {
	period, err := c.read(ctx, folder, "period")
	if err != nil {
		return err
	}
	if period != c.period {
		now, err := c.read(ctx, folder, "duty_cycle")
		if err != nil {
			return err
		}
		if now > c.period {
			if err := c.put(ctx, folder, "duty_cycle", duty); err != nil {
				return err
			}
		}
		if err := c.put(ctx, folder, "period", c.period); err != nil {
			return err
		}
	}
	if err := c.put(ctx, folder, "duty_cycle", duty); err != nil {
		return err
	}
	if on, err := c.read(ctx, folder, "enable"); err != nil || on == 1 {
		return err
	}
	return c.put(ctx, folder, "enable", 1)
}

// Get reads the duty cycle. What is nearly what was written is it: the kernel may round.
func (c *channel) Get(ctx context.Context) (float64, error) {
	folder, err := c.exported(ctx)
	if err != nil {
		return 0, err
	}
	duty, err := c.read(ctx, folder, "duty_cycle")
	if err != nil {
		return 0, fmt.Errorf("%s: %w", c, err)
	}
	period, err := c.read(ctx, folder, "period")
	if err != nil {
		return 0, fmt.Errorf("%s: %w", c, err)
	}
	on, err := c.read(ctx, folder, "enable")
	switch {
	case err != nil:
		return 0, fmt.Errorf("%s: %w", c, err)
	case on != 1 || period != c.period:
		return c.percent(0), nil
	case near(duty, c.written, c.period):
		return c.value, nil
	}
	return c.percent(duty), nil
}

// near tells whether two duty cycles are the same within a thousandth of the period.
func near(a, b, period int64) bool { return max(a-b, b-a) <= period/1000 }

func (c *channel) read(ctx context.Context, folder, name string) (int64, error) {
	text, err := drivers.ReadText(ctx, c.files, folder+"/"+name)
	if err != nil {
		return 0, hint(err)
	}
	return number(text)
}

func (c *channel) put(ctx context.Context, folder, name string, n int64) error {
	if err := c.files.WriteFile(ctx, folder+"/"+name, strconv.AppendInt(nil, n, 10)); err != nil {
		return fmt.Errorf("%d: %w", n, hint(err))
	}
	return nil
}

// exported gives the folder of the channel, and has the kernel make it if it is not there.
func (c *channel) exported(ctx context.Context) (string, error) {
	chip, err := c.find()
	if err != nil {
		return "", err
	}
	folder := fmt.Sprintf("%s/pwm%d", chip, c.number)
	if c.there(folder) {
		return folder, nil
	}
	count, err := drivers.ReadNumber(ctx, c.files, chip+"/npwm")
	if err != nil {
		return "", fmt.Errorf("%s: %w", c, hint(err))
	}
	if float64(c.number) >= count {
		return "", fmt.Errorf("%s: the chip has %.0f channels, numbered from 0; name another one", c, count)
	}
	if err := c.files.WriteFile(ctx, chip+"/export", strconv.AppendInt(nil, int64(c.number), 10)); err != nil {
		return "", fmt.Errorf("%s: take it: %w", c, busy(hint(err)))
	}
	return folder, c.settle(ctx, folder)
}

func (c *channel) there(folder string) bool {
	found, err := c.files.Glob(folder + "/duty_cycle")
	return err == nil && len(found) == 1
}

const (
	// settleFor is how long udev may take to give the files of a new channel to its group.
	settleFor = time.Second
	settleIn  = 20 * time.Millisecond
)

// settle waits until a channel that was just made may be written to. Where that is not for this user, the first Set says so.
func (c *channel) settle(ctx context.Context, folder string) error {
	for waited := time.Duration(0); waited < settleFor; waited += settleIn {
		duty, err := c.read(ctx, folder, "duty_cycle")
		if err == nil {
			if err = c.put(ctx, folder, "duty_cycle", duty); !errors.Is(err, fs.ErrPermission) {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(settleIn):
		}
	}
	return nil
}

// find gives the folder of the chip.
func (c *channel) find() (string, error) {
	patterns := []string{class + "pwmchip*"}
	if c.chip != "" {
		patterns = []string{"sys/bus/*/devices/" + c.chip + "/pwm/pwmchip*", class + c.chip}
	}
	for _, p := range patterns {
		found, err := c.files.Glob(p)
		switch {
		case err != nil:
			return "", err
		case len(found) == 1:
			return found[0], nil
		case len(found) > 1:
			return "", fmt.Errorf("%s: there are %d PWM chips; say which by its device: chip: fe20c000.pwm (ls -l /%s shows them)", c, len(found), class)
		}
	}
	return "", fmt.Errorf("%s: the kernel has no such PWM chip%s; a Raspberry Pi needs dtoverlay=pwm in /boot/firmware/config.txt", c, c.others())
}

// others names the chips that there are.
func (c *channel) others() string {
	found, err := c.files.Glob("sys/bus/*/devices/*/pwm/pwmchip*")
	if err != nil || len(found) == 0 {
		return ""
	}
	var names []string
	for _, f := range found {
		names = append(names, path.Base(path.Dir(path.Dir(f))))
	}
	return "; there are " + strings.Join(names, ", ")
}

// hint says what to do about errors that users meet.
func hint(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w; add the user to the group that owns the file: sudo usermod -aG gpio skerry", err)
	}
	return err
}

// busy explains what the kernel says of a channel that another driver has.
func busy(err error) error {
	if errors.Is(err, syscall.EBUSY) {
		return fmt.Errorf("%w; a driver of the kernel has the channel, as the sound of the headphones does: name another one", err)
	}
	return err
}
