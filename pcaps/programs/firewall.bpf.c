/*
 * A 5-tuple firewall. The map "rules" says for an exact 5-tuple what happens
 * and counts packets and bytes; a loader fills it, and may change it while the
 * program runs. Packets without a rule, and what is neither TCP, UDP nor ICMP
 * over IPv4, get "default_action".
 *
 * So that the program does something without a loader as well, it carries a
 * table of default rules in .rodata, with wildcards. When a 5-tuple has no
 * rule yet, the first default rule that matches is inserted for it into the
 * map (BPF_NOEXIST); from then on that 5-tuple has its own counters there.
 *
 * The map holds 1,024 rules; when it is full, the default rule still decides,
 * and "rules_full" counts the packets that no counter saw.
 */
#include "packet.h"

enum rule_action {
	RULE_DROP = XDP_DROP,
	RULE_PASS = XDP_PASS,
};

struct five_tuple {
	__be32 src;
	__be32 dst;
	__be16 src_port;
	__be16 dst_port;
	__u8 proto;
	__u8 pad[3];
};

struct rule {
	__u64 packets;
	__u64 bytes;
	enum rule_action action;
	__u32 origin; /* 0: from the loader, n: from default rule n - 1 */
};

struct default_rule {
	__u32 src; /* host byte order, as dst */
	__u32 src_mask;
	__u32 dst;
	__u32 dst_mask;
	__u16 dst_port; /* 0: any */
	__u8 proto; /* 0: any */
	__u8 action;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct five_tuple);
	__type(value, struct rule);
} rules SEC(".maps");

const volatile __u32 default_action = XDP_PASS;

#define DEFAULT_RULES 6

#define NET(a, b, c, d) ((a) << 24 | (b) << 16 | (c) << 8 | (d))

const volatile struct default_rule default_rules[DEFAULT_RULES] = {
	/* web and DNS servers are open */
	{ .proto = IPPROTO_TCP, .dst_port = 80, .action = RULE_PASS },
	{ .proto = IPPROTO_UDP, .dst_port = 53, .action = RULE_PASS },
	/* nobody pings 10.0.0.0/8 */
	{ .proto = IPPROTO_ICMP, .dst = NET(10, 0, 0, 0), .dst_mask = 0xff000000, .action = RULE_DROP },
	/* nothing from a benchmarking network to a privileged port */
	{ .src = NET(198, 18, 0, 0), .src_mask = 0xfffe0000, .proto = IPPROTO_TCP, .dst_port = 443, .action = RULE_DROP },
	{ .src = NET(198, 18, 0, 0), .src_mask = 0xfffe0000, .proto = IPPROTO_UDP, .dst_port = 123, .action = RULE_DROP },
	/* the echo service is closed */
	{ .proto = IPPROTO_UDP, .dst_port = 7, .action = RULE_DROP },
};

__u64 rules_full;
__u64 no_rule;

static __always_inline int parse(void *data, void *end, struct five_tuple *t)
{
	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, -1);
	if (eth->proto != bpf_htons(ETH_P_IP))
		return -1;

	HEADER_OR_RETURN(struct ipv4_hdr, ip, eth + 1, end, -1);
	__u32 header_len = (ip->version_ihl & 0xf) * 4;
	if (header_len < sizeof(*ip))
		return -1;
	t->src = ip->src;
	t->dst = ip->dst;
	t->proto = ip->proto;
	if (ip->frag_off & bpf_htons(IP_OFFSET_MASK))
		return 0; /* ports are in the first fragment only */

	void *l4 = (void *)ip + header_len;
	if (ip->proto == IPPROTO_TCP || ip->proto == IPPROTO_UDP) {
		HEADER_OR_RETURN(struct udp_hdr, ports, l4, end, -1);
		t->src_port = ports->src;
		t->dst_port = ports->dst;
		return 0;
	}
	return ip->proto == IPPROTO_ICMP ? 0 : -1;
}

static __always_inline int default_rule_for(const struct five_tuple *t)
{
	for (int i = 0; i < DEFAULT_RULES; i++) {
		const volatile struct default_rule *r = &default_rules[i];

		if (r->proto && r->proto != t->proto)
			continue;
		if (r->dst_port && r->dst_port != bpf_ntohs(t->dst_port))
			continue;
		if ((bpf_ntohl(t->src) & r->src_mask) != r->src)
			continue;
		if ((bpf_ntohl(t->dst) & r->dst_mask) != r->dst)
			continue;
		return i;
	}
	return -1;
}

SEC("xdp")
int firewall(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct five_tuple t = {};
	struct rule *rule;

	if (parse(data, end, &t) < 0) {
		no_rule++;
		return default_action;
	}

	rule = bpf_map_lookup_elem(&rules, &t);
	if (!rule) {
		int i = default_rule_for(&t);
		if (i < 0 || i >= DEFAULT_RULES) {
			no_rule++;
			return default_action;
		}
		struct rule fresh = {
			.packets = 1,
			.bytes = end - data,
			.action = default_rules[i].action,
			.origin = i + 1,
		};
		if (bpf_map_update_elem(&rules, &t, &fresh, BPF_NOEXIST))
			__sync_fetch_and_add(&rules_full, 1);
		return fresh.action;
	}

	__sync_fetch_and_add(&rule->packets, 1);
	__sync_fetch_and_add(&rule->bytes, end - data);
	return rule->action;
}

char LICENSE[] SEC("license") = "GPL";
