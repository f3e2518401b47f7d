// A stock js-libp2p peer on a Starling chain: TCP, noise, yamux, identify, ping and gossipsub, nothing else.
//
//   node peer.mjs MULTIADDR CHAIN_ID_HEX
//
// It prints a line of JSON for each thing that happens, and publishes each line of hex that it reads as a
// transaction. docs/peers.md says what it needs to know.

import './promises.mjs'
import { createHash } from 'node:crypto'
import { createInterface } from 'node:readline'

const { createLibp2p } = await import('libp2p')
const { tcp } = await import('@libp2p/tcp')
const { noise } = await import('@chainsafe/libp2p-noise')
const { yamux } = await import('@chainsafe/libp2p-yamux')
const { identify } = await import('@libp2p/identify')
const { ping } = await import('@libp2p/ping')
const { gossipsub } = await import('@libp2p/gossipsub')
const { multiaddr } = await import('@multiformats/multiaddr')

const [address, chain] = process.argv.slice(2)
const topics = { block: `/starling/${chain}/block/1`, tx: `/starling/${chain}/tx/1` }

const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest()
const TAG = sha256('starling/gossip')

// tagged("starling/gossip", topic_len:u8 | topic | data)[0..20]
const messageId = ({ topic, data }) =>
  sha256(TAG, TAG, Buffer.from([topic.length]), topic, data).subarray(0, 20)

const say = (event) => process.stdout.write(JSON.stringify(event) + '\n')

const node = await createLibp2p({
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
  services: {
    identify: identify(),
    ping: ping(),
    gossip: gossipsub({ globalSignaturePolicy: 'StrictNoSign', msgIdFn: messageId }),
  },
})
const { gossip } = node.services
gossip.addEventListener('message', ({ detail: { topic, data } }) => {
  say({ event: 'heard', topic, hex: Buffer.from(data).toString('hex') })
})
node.addEventListener('peer:disconnect', ({ detail }) => say({ event: 'disconnected', peer: `${detail}` }))
Object.values(topics).forEach((topic) => gossip.subscribe(topic))
await node.dial(multiaddr(address))
say({ event: 'connected', peer: `${node.peerId}` })

for await (const line of createInterface({ input: process.stdin })) {
  try {
    const { recipients } = await gossip.publish(topics.tx, Buffer.from(line, 'hex'))
    say({ event: 'published', recipients: recipients.length })
  } catch (error) {
    say({ event: 'failed', error: `${error}` })
  }
}
await node.stop()
