package sampler

import (
	"fmt"
	"time"
)

// hungError says that a call of a driver was abandoned.
type hungError struct{ after time.Duration }

func (e *hungError) Error() string {
	return fmt.Sprintf("no answer within %v, and the driver does not give up; the bus is left alone until it does", e.after)
}

// heldError says that a sensor could not be asked because of a neighbour.
type heldError struct{ by string }

func (e *heldError) Error() string {
	return fmt.Sprintf("the bus is held up by sensor %s", e.by)
}

// panicError is a mistake in a driver.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("the driver panicked: %v", e.value) }
