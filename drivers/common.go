package drivers

import (
	"fmt"
	"io"
	"sync"
)

// Commons is Buses.Common, for those who satisfy Buses. The zero Commons is ready; it may be used by several goroutines.
type Commons struct {
	mu  sync.Mutex
	all map[string]*common
}

type common struct {
	thing io.Closer
	users int
}

// Common gives the thing of that name, see Buses.
func (c *Commons) Common(name string, make func() (io.Closer, error)) (io.Closer, func() error, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	x := c.all[name]
	if x == nil {
		thing, err := make()
		if err != nil {
			return nil, nil, err
		}
		if thing == nil {
			return nil, nil, fmt.Errorf("%s: nothing was made", name)
		}
		if c.all == nil {
			c.all = map[string]*common{}
		}
		x = &common{thing: thing}
		c.all[name] = x
	}
	x.users++
	return x.thing, sync.OnceValue(func() error { return c.release(name, x) }), nil
}

func (c *Commons) release(name string, x *common) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if x.users--; x.users > 0 {
		return nil
	}
	delete(c.all, name)
	return x.thing.Close()
}
