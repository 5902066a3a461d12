package road

import "time"

// Fix has the waits between attempts be the longest that may be drawn.
func (r *Road) Fix() { r.rand = func(d time.Duration) time.Duration { return d } }
