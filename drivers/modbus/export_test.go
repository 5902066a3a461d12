package modbus

import "skerry/drivers"

// CountsOf gives what happened on the line of a sensor.
func CountsOf(x drivers.Sensor) *Counts { return x.(*sensor).master.count() }
