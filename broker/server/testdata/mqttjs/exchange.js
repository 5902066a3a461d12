// What mqtt.js is asked to do, in node and in a browser. exchange(mqtt, url, options) ends when all of it has been seen,
// and rejects with what went wrong.
async function exchange(mqtt, url, options) {
  const got = []
  let wake = () => {}
  const client = mqtt.connect(url, { reconnectPeriod: 0, connectTimeout: 15000, ...options })
  await new Promise((resolve, reject) => {
    client.once('connect', resolve)
    client.once('error', reject)
    client.once('close', () => reject(new Error('closed before it was connected')))
  })
  client.on('message', (topic, payload, packet) => {
    got.push({ topic, payload: payload.toString(), qos: packet.qos, properties: packet.properties })
    wake()
  })
  const message = async () => {
    for (;;) {
      if (got.length > 0) return got.shift()
      await new Promise((resolve, reject) => {
        wake = resolve
        setTimeout(() => reject(new Error('no message came')), 15000)
      })
    }
  }
  const topic = 'js/' + options.protocolVersion
  await client.subscribeAsync(topic, { qos: 2 })
  for (const size of [0, 1, 500, 4096, 100000]) {
    for (const qos of [0, 1, 2]) {
      const payload = 'x'.repeat(size)
      const properties = options.protocolVersion === 5 ? { contentType: 'text/plain', userProperties: { a: 'ä' } } : undefined
      await client.publishAsync(topic, payload, { qos, properties })
      const m = await message()
      if (m.topic !== topic || m.payload !== payload || m.qos !== qos) {
        throw new Error(`${m.payload.length} bytes at QoS ${m.qos} on ${m.topic}, want ${size} at QoS ${qos}`)
      }
      if (properties && (m.properties.contentType !== 'text/plain' || m.properties.userProperties.a !== 'ä')) {
        throw new Error('properties ' + JSON.stringify(m.properties))
      }
    }
  }
  const many = 60 // mqtt.js does not count them, and the server's Receive Maximum is 64
  const sent = []
  for (let i = 0; i < many; i++) sent.push(client.publishAsync(topic, String(i), { qos: 1 }))
  for (let i = 0; i < many; i++) {
    const m = await message()
    if (m.payload !== String(i)) throw new Error(`message ${i} is ${m.payload}`)
  }
  await Promise.all(sent)
  await client.unsubscribeAsync(topic)
  await client.endAsync()
}

if (typeof module !== 'undefined') module.exports = exchange
