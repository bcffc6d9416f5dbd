/*
 * A packet classifier by bit vectors (Lakshman and Stiliadis, SIGCOMM 1998):
 * each of five fields gives the set of rules that it satisfies, from a trie or
 * a hash; the first common bit is the rule. 256 rules at the price of five
 * look-ups.
 */
#include "app.h"

#define RULES 256
#define WORDS (RULES / 64)

struct vector {
	__u64 bits[WORDS];
};

struct prefix {
	__u32 bits;
	__be32 addr;
};

#define TRIE(name)                                     \
	struct {                                       \
		__uint(type, BPF_MAP_TYPE_LPM_TRIE);   \
		__type(key, struct prefix);            \
		__type(value, struct vector);          \
		__uint(max_entries, RULES * 2);        \
		__uint(map_flags, BPF_F_NO_PREALLOC);  \
	} name SEC(".maps")
#define PORTS(name)                                    \
	struct {                                       \
		__uint(type, BPF_MAP_TYPE_HASH);       \
		__type(key, __u16);                    \
		__type(value, struct vector);          \
		__uint(max_entries, RULES);            \
	} name SEC(".maps")

TRIE(by_source);
TRIE(by_destination);
PORTS(by_source_port);
PORTS(by_destination_port);

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct vector);
	__uint(max_entries, 256);
} by_protocol SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, RULES);
} actions SEC(".maps");

COUNTERS(hits, __u32, RULES);
struct vector any_source_port, any_destination_port; /* rules that do not look at the port */
__u64 unmatched, unclassified;

static __always_inline int first_bit(__u64 word)
{
	/* de Bruijn: there is no instruction for it */
	static const __u8 positions[64] = {
		0, 1, 56, 2, 57, 49, 28, 3, 61, 58, 42, 50, 38, 29, 17, 4, 62, 47, 59, 36, 45, 43, 51, 22, 53, 39, 33, 30, 24, 18, 12, 5,
		63, 55, 48, 27, 60, 41, 37, 16, 46, 35, 44, 21, 52, 32, 23, 11, 54, 26, 40, 15, 34, 20, 31, 10, 25, 14, 19, 9, 13, 8, 7, 6,
	};

	return positions[((word & -word) * 0x03f79d71b4ca8b09ULL) >> 58];
}

SEC("xdp")
int acl_classifier(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct prefix source = { .bits = 32 }, destination = { .bits = 32 };
	struct vector *v1, *v2, *v3, *v4, *v5;
	__u16 sport = 0, dport = 0, vlan;
	__u32 proto_key, rule = RULES, *action;
	__be16 proto;
	int off = skip_eth(data, end, &proto, &vlan);

	if (off < 0 || proto != bpf_htons(ETH_P_IP))
		goto unclassified;
	struct ipv4_hdr *ip = data + off;

	if ((void *)(ip + 1) > end || ip->version_ihl != 0x45)
		goto unclassified;
	source.addr = ip->src;
	destination.addr = ip->dst;
	proto_key = ip->proto;
	if ((ip->proto == IPPROTO_TCP || ip->proto == IPPROTO_UDP) && !(ip->frag_off & bpf_htons(IP_OFFSET_MASK))) {
		struct udp_hdr *ports = (void *)(ip + 1);

		if ((void *)(ports + 1) > end)
			goto unclassified;
		sport = bpf_ntohs(ports->src);
		dport = bpf_ntohs(ports->dst);
	}
	v1 = bpf_map_lookup_elem(&by_source, &source);
	if (!v1)
		goto unmatched;
	v2 = bpf_map_lookup_elem(&by_destination, &destination);
	if (!v2)
		goto unmatched;
	v3 = bpf_map_lookup_elem(&by_source_port, &sport);
	if (!v3)
		v3 = &any_source_port;
	v4 = bpf_map_lookup_elem(&by_destination_port, &dport);
	if (!v4)
		v4 = &any_destination_port;
	v5 = bpf_map_lookup_elem(&by_protocol, &proto_key);
	if (!v5)
		goto unmatched;
	for (int i = 0; i < WORDS; i++) {
		__u64 common = v1->bits[i] & v2->bits[i] & v3->bits[i] & v4->bits[i] & v5->bits[i];

		if (common) {
			rule = i * 64 + first_bit(common);
			break;
		}
	}
	if (rule >= RULES)
		goto unmatched;
	count_in(&hits, rule, end - data);
	action = bpf_map_lookup_elem(&actions, &rule);
	return action ? *action : XDP_PASS;
unmatched:
	__sync_fetch_and_add(&unmatched, 1);
	return XDP_DROP;
unclassified:
	__sync_fetch_and_add(&unclassified, 1);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
