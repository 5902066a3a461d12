// Package pwm sets the duty cycle of a PWM channel of the kernel: a fan, a dimmed lamp, a servo valve.
//
// # Vocabulary
//
// A chip has channels, numbered from 0. The kernel makes the folder pwmN of a channel when it is exported ("Documentation/driver-api/pwm.rst"):
// period and duty_cycle in nanoseconds, enable. The value is the duty cycle in percent.
//
// # Guarantees
//
// A channel that runs already is taken over without a gap; its frequency is changed only if it is another one. A channel is never
// switched off: 0 % is a duty cycle of 0, so that the level of the line is known. Get reads what
// the kernel has.
//
// # Limits
//
// Chips are found by the device that they belong to, as their numbers change. A channel stays exported, and keeps its duty cycle, when the
// program ends, in good order or not. The kernel rounds to what the hardware can.
package pwm
