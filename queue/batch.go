package queue

// A Batch is a set of changes that become durable all or none. Make it with Store.NewBatch, give it to Store.Apply once.
type Batch struct{}

// NewBatch makes an empty batch.
func (s *Store) NewBatch() *Batch { return &Batch{} }

// Apply applies the batch. The receipt is 0 if the batch is empty.
func (s *Store) Apply(b *Batch) (Receipt, error) { return 0, errNotBuilt }

// Put sets a fact. The value is kept by reference and must not change afterwards.
func (b *Batch) Put(space byte, key string, value []byte) {}

// Delete removes a fact.
func (b *Batch) Delete(space byte, key string) {}

// Create makes a durable session. It has its number at once and may be a target in this batch; it exists when the batch was applied.
func (b *Batch) Create(o SessionOptions) *Session { return &Session{} }

// End ends a durable session and all it holds.
func (b *Batch) End(x *Session) {}

// Publish publishes m with the batch.
func (b *Batch) Publish(m *Message, to []Target) {}

// MayWait lets the commit of the batch wait for the commit window.
func (b *Batch) MayWait() {}
