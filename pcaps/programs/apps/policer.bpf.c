/*
 * Two-rate three-colour policing (RFC 2698) by customer prefix, with ECN marks
 * in place of some drops; a bucket's state is behind a spin lock. Time is counted in
 * packets, so that a replay gives the same colours.
 */
#include "app.h"

struct prefix {
	__u32 bits;
	__be32 addr;
};

struct bucket {
	struct bpf_spin_lock lock;
	__u32 committed_rate; /* bytes a packet time */
	__u32 peak_rate;
	__u32 committed_burst;
	__u32 peak_burst;
	__u32 pad;
	__u64 committed;
	__u64 peak;
	__u64 last;
	struct counter colours[3];
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__type(key, struct prefix);
	__type(value, __u32); /* customer */
	__uint(max_entries, 256);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} customers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct bucket);
	__uint(max_entries, 16);
} buckets SEC(".maps");

enum colour { GREEN, YELLOW, RED };

__u64 ticks, marked, unknown;

static __always_inline int colour_of(struct bucket *bucket, __u32 bytes)
{
	__u64 now = ticks, passed;
	int colour;

	bpf_spin_lock(&bucket->lock);
	passed = now - bucket->last;
	bucket->last = now;
	bucket->committed += passed * bucket->committed_rate;
	if (bucket->committed > bucket->committed_burst)
		bucket->committed = bucket->committed_burst;
	bucket->peak += passed * bucket->peak_rate;
	if (bucket->peak > bucket->peak_burst)
		bucket->peak = bucket->peak_burst;
	if (bucket->peak < bytes) {
		colour = RED;
	} else if (bucket->committed < bytes) {
		bucket->peak -= bytes;
		colour = YELLOW;
	} else {
		bucket->peak -= bytes;
		bucket->committed -= bytes;
		colour = GREEN;
	}
	bucket->colours[colour].packets++;
	bucket->colours[colour].bytes += bytes;
	bpf_spin_unlock(&bucket->lock);
	return colour;
}

SEC("xdp")
int policer(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct prefix key = { .bits = 32 };
	struct bucket *bucket;
	__be16 proto = 0;
	__u16 vlan;
	int off = skip_eth(data, end, &proto, &vlan), colour;
	struct ipv4_hdr *ip;
	__u32 *customer;

	ticks++;
	if (off < 0 || proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	ip = data + off;
	if ((void *)(ip + 1) > end)
		return XDP_DROP;
	key.addr = ip->src;
	customer = bpf_map_lookup_elem(&customers, &key);
	if (!customer) {
		__sync_fetch_and_add(&unknown, 1);
		return XDP_PASS;
	}
	bucket = bpf_map_lookup_elem(&buckets, customer);
	if (!bucket)
		return XDP_ABORTED;
	colour = colour_of(bucket, end - data);
	if (colour == RED)
		return XDP_DROP;
	if (colour == YELLOW && (ip->tos & 3) != 3) {
		__u8 tos = ip->tos | 3;

		ip->check = csum_replace2(ip->check, bpf_htons(ip->version_ihl << 8 | ip->tos),
					  bpf_htons(ip->version_ihl << 8 | tos));
		ip->tos = tos;
		__sync_fetch_and_add(&marked, 1);
	}
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
