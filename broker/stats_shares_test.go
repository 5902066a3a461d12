package broker_test

import (
	"testing"

	"skerry/broker"
)

func TestSharedSubscriptionsAreCounted(t *testing.T) {
	runWith(t, broker.Options{}, func(t *testing.T, at *site) {
		c := at.connect("c")
		c.subscribe("t", 1)
		c.subscribe("$share/g/t", 1)
		if st := at.Stats(); st.Subscriptions != 2 || st.Shared != 1 {
			t.Errorf("%+v", st)
		}
		c.Unsubscribe([]string{"$share/g/t"})
		if st := at.Stats(); st.Subscriptions != 1 || st.Shared != 0 {
			t.Errorf("%+v", st)
		}
	})
}
