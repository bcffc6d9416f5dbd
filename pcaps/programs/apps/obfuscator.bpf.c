/*
 * Scrambles the payload of a UDP service so that middle boxes do not know it,
 * and back: a keystream (xorshift) over the first 256 bytes, keyed by the peer and
 * a word of the packet. Sequence numbers inside a window of 64 pass once.
 */
#include "app.h"

#define PORT 51820
#define WORDS 32 /* of 8 bytes */

struct peer {
	__u64 key;
	__u64 window;
	__u32 highest;
	__u32 flags;
	struct counter passed;
	struct counter replayed;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __be32);
	__type(value, struct peer);
	__uint(max_entries, 256);
} peers SEC(".maps");

__u64 unknown, too_short;

static __always_inline __u64 next(__u64 x)
{
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

static __always_inline int is_replay(struct peer *peer, __u32 sequence)
{
	__u32 behind;

	if (sequence > peer->highest) {
		__u32 ahead = sequence - peer->highest;

		peer->window = ahead >= 64 ? 1 : peer->window << ahead | 1;
		peer->highest = sequence;
		return 0;
	}
	behind = peer->highest - sequence;
	if (behind >= 64)
		return 1;
	if (peer->window >> behind & 1)
		return 1;
	peer->window |= 1ULL << behind;
	return 0;
}

SEC("xdp")
int obfuscator(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, XDP_PASS)
	HEADER_OR_RETURN(struct ipv4_hdr, ip, eth + 1, end, XDP_PASS)
	HEADER_OR_RETURN(struct udp_hdr, udp, ip + 1, end, XDP_PASS)
	__u64 *words, state;
	struct peer *peer;
	__u32 *number;
	__be32 addr;

	if (eth->proto != bpf_htons(ETH_P_IP) || ip->version_ihl != 0x45 || ip->proto != IPPROTO_UDP ||
	    udp->dst != bpf_htons(PORT))
		return XDP_PASS;
	number = (void *)(udp + 1);
	if ((void *)(number + 1) > end) {
		__sync_fetch_and_add(&too_short, 1);
		return XDP_DROP;
	}
	addr = ip->src;
	peer = bpf_map_lookup_elem(&peers, &addr);
	if (!peer) {
		__sync_fetch_and_add(&unknown, 1);
		return XDP_DROP;
	}
	if (is_replay(peer, *number)) {
		peer->replayed.packets++;
		peer->replayed.bytes += end - data;
		return XDP_DROP;
	}
	state = peer->key ^ (__u64)*number << 32 ^ *number;
	if (!state)
		state = 1;
	words = (void *)(number + 1);
	for (int i = 0; i < WORDS; i++) {
		if ((void *)(words + i + 1) > end)
			break;
		state = next(state);
		words[i] ^= state;
	}
	udp->check = 0;
	peer->passed.packets++;
	peer->passed.bytes += end - data;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
