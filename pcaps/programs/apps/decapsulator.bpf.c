/*
 * Takes packets out of whatever carries them, up to four layers deep: GRE (with
 * checksum, key and sequence number), IP in IP, 6in4, MPLS stacks, PPPoE and
 * double tags. What remains is a plain Ethernet frame with IPv4 or IPv6.
 */
#include "app.h"

#define LAYERS 4

struct gre_hdr {
	__be16 flags;
	__be16 proto;
};

struct pppoe_hdr {
	__u8 version_type;
	__u8 code;
	__be16 session;
	__be16 length;
	__be16 proto;
};

enum layer { L_NONE, L_VLAN, L_MPLS, L_PPPOE, L_GRE, L_IPIP, L_6IN4, L_COUNT };
COUNTERS(layers, enum layer, L_COUNT);

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __be32); /* GRE key */
	__type(value, __u64);
	__uint(max_entries, 64);
} gre_keys SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, 64);
} sessions SEC(".maps");

__u64 depth[LAYERS + 1];
__u64 broken;

struct cursor {
	__u32 off;
	__be16 proto; /* of what is at off */
	__u16 done;
};

/* One layer: L_NONE when there is none, -1 for a broken packet. */
static __noinline int peel(struct xdp_md *ctx, struct cursor *at)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end, *p;

	if (!at || at->off > 160)
		return -1;
	p = data + at->off;
	if (at->proto == bpf_htons(ETH_P_8021Q) || at->proto == bpf_htons(ETH_P_8021AD)) {
		HEADER_OR_RETURN(struct vlan_hdr, tag, p, end, -1)

		at->proto = tag->proto;
		at->off += sizeof(*tag);
		return L_VLAN;
	}
	if (at->proto == bpf_htons(ETH_P_MPLS)) {
		for (int i = 0; i < 6; i++) {
			__be32 *label = p + i * 4;

			if ((void *)(label + 1) > end)
				return -1;
			if (*label & bpf_htonl(0x100)) {
				__u8 *version = (void *)(label + 1);

				if ((void *)(version + 1) > end)
					return -1;
				at->off += (i + 1) * 4;
				at->proto = bpf_htons(*version >> 4 == 6 ? ETH_P_IPV6 : ETH_P_IP);
				return L_MPLS;
			}
		}
		return -1;
	}
	if (at->proto == bpf_htons(ETH_P_PPPOE)) {
		HEADER_OR_RETURN(struct pppoe_hdr, pppoe, p, end, -1)
		__u32 session = bpf_ntohs(pppoe->session) & 63;
		__u64 *count = bpf_map_lookup_elem(&sessions, &session);

		if (pppoe->code || pppoe->version_type != 0x11)
			return -1;
		if (count)
			++*count;
		if (pppoe->proto == bpf_htons(0x21))
			at->proto = bpf_htons(ETH_P_IP);
		else if (pppoe->proto == bpf_htons(0x57))
			at->proto = bpf_htons(ETH_P_IPV6);
		else
			return -1;
		at->off += sizeof(*pppoe);
		return L_PPPOE;
	}
	if (at->proto != bpf_htons(ETH_P_IP))
		return L_NONE;
	HEADER_OR_RETURN(struct ipv4_hdr, ip, p, end, -1)
	__u32 ihl = (ip->version_ihl & 15) * 4;

	if (ihl < sizeof(*ip) || ip->frag_off & bpf_htons(IP_MORE_FRAGMENTS | IP_OFFSET_MASK))
		return L_NONE;
	if (ip->proto == IPPROTO_IPIP) {
		at->off += ihl;
		return L_IPIP;
	}
	if (ip->proto == 41) {
		at->off += ihl;
		at->proto = bpf_htons(ETH_P_IPV6);
		return L_6IN4;
	}
	if (ip->proto != IPPROTO_GRE)
		return L_NONE;
	HEADER_OR_RETURN(struct gre_hdr, gre, p + ihl, end, -1)
	__u32 length = sizeof(*gre);

	if (gre->flags & bpf_htons(0x4fff) & ~bpf_htons(0x1000))
		return -1; /* source routes, other versions */
	if (gre->flags & bpf_htons(0x8000))
		length += 4;
	if (gre->flags & bpf_htons(0x2000)) {
		__be32 *key = (void *)gre + length;

		asm volatile("" : "+r"(key));
		if ((void *)(key + 1) > end)
			return -1;
		__be32 number = *key;
		__u64 *count = bpf_map_lookup_elem(&gre_keys, &number), one = 1;

		if (count)
			++*count;
		else
			bpf_map_update_elem(&gre_keys, &number, &one, BPF_ANY);
		length += 4;
	}
	if (gre->flags & bpf_htons(0x1000))
		length += 4;
	at->proto = gre->proto;
	at->off += ihl + length;
	return L_GRE;
}

SEC("xdp")
int decapsulator(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct cursor at = { .off = sizeof(struct eth_hdr) };
	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, XDP_DROP)
	struct eth_hdr kept = *eth;
	__u32 cut, reached = 0;

	at.proto = eth->proto;
	for (int i = 0; i < LAYERS; i++) {
		int layer = peel(ctx, &at);

		if (layer < 0) {
			__sync_fetch_and_add(&broken, 1);
			return XDP_DROP;
		}
		if (layer == L_NONE)
			break;
		count_in(&layers, layer, ctx->data_end - ctx->data);
		reached = i + 1;
	}
	if (reached > LAYERS)
		return XDP_ABORTED;
	__sync_fetch_and_add(&depth[reached], 1);
	if (!reached)
		return XDP_PASS;
	if (at.proto != bpf_htons(ETH_P_IP) && at.proto != bpf_htons(ETH_P_IPV6))
		return XDP_PASS;
	cut = at.off - sizeof(struct eth_hdr);
	if (bpf_xdp_adjust_head(ctx, cut))
		return XDP_DROP;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	eth = data;
	if ((void *)(eth + 1) > end)
		return XDP_DROP;
	*eth = kept;
	eth->proto = at.proto;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
