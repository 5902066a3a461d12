package access

import "golang.org/x/crypto/bcrypt"

// Remembered is how many records there are.
func (t *Throttle) Remembered() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.records)
}

// Knows tells whether a login costs no hash, for the password was right before.
func (f *UserFile) Knows(user, password string) bool {
	u := f.current.Load()
	own, _ := u.hashes(user)
	return own != nil && own.proves(digestOf(u.key, []byte(password)))
}

// Cheap makes new hashes cheap, for tests that are not about their cost.
func (u *Users) Cheap() *Users {
	u.cost = bcrypt.MinCost
	return u
}
