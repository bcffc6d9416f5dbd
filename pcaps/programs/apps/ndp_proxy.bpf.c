/*
 * Answers for others on the link: ARP requests and neighbour solicitations for
 * addresses in its tables get an answer from here (RFC 826, RFC 4861), a
 * pinger gets its echo (RFC 4443). Watches who claims which address and drops
 * those who claim another one's.
 */
#include "app.h"

struct owner {
	__u8 mac[6];
	__u16 claims;
	__u32 conflicts;
	__u32 pad;
};

struct address6 {
	__be32 addr[4];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __be32);
	__type(value, struct owner);
	__uint(max_entries, 256);
} owners4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct address6);
	__type(value, struct owner);
	__uint(max_entries, 256);
} owners6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, __be32);
	__type(value, struct owner);
	__uint(max_entries, 512);
} seen SEC(".maps");

struct ns_msg {
	__u8 type;
	__u8 code;
	__u16 check;
	__be32 flags;
	__be32 target[4];
	__u8 option;
	__u8 length;
	__u8 mac[6];
};

enum event { EV_ARP_ANSWER, EV_NA, EV_ECHO6, EV_ECHO4, EV_CLAIM, EV_CONFLICT, EV_BAD, EV_OTHER, EV_COUNT };
COUNTERS(events, enum event, EV_COUNT);

static __always_inline int done(enum event event, int action)
{
	count_in(&events, event, 0);
	return action;
}

static __noinline int claim(__be32 address, __u64 mac)
{
	struct owner fresh = { .claims = 1 }, *owner = bpf_map_lookup_elem(&seen, &address);
	__u64 known = 0;

	if (!address)
		return 0;
	if (!owner) {
		__builtin_memcpy(fresh.mac, &mac, 6);
		bpf_map_update_elem(&seen, &address, &fresh, BPF_ANY);
		count_in(&events, EV_CLAIM, 0);
		return 0;
	}
	__builtin_memcpy(&known, owner->mac, 6);
	if (known != mac) {
		owner->conflicts++;
		return owner->conflicts > 2;
	}
	owner->claims++;
	return 0;
}

static __always_inline int on_arp(struct xdp_md *ctx, struct eth_hdr *eth, struct arp_hdr *arp)
{
	__be32 target, sender;
	struct owner *owner;
	__u64 mac = 0;

	__builtin_memcpy(&target, arp->target_ip, 4);
	__builtin_memcpy(&sender, arp->sender_ip, 4);
	__builtin_memcpy(&mac, arp->sender_mac, 6);
	if (claim(sender, mac))
		return done(EV_CONFLICT, XDP_DROP);
	if (arp->op != bpf_htons(1))
		return done(EV_OTHER, XDP_PASS);
	owner = bpf_map_lookup_elem(&owners4, &target);
	if (!owner)
		return done(EV_OTHER, XDP_PASS);
	arp->op = bpf_htons(2);
	__builtin_memcpy(arp->target_mac, arp->sender_mac, 6);
	__builtin_memcpy(arp->target_ip, arp->sender_ip, 4);
	__builtin_memcpy(arp->sender_mac, owner->mac, 6);
	__builtin_memcpy(arp->sender_ip, &target, 4);
	__builtin_memcpy(eth->dst, eth->src, 6);
	__builtin_memcpy(eth->src, owner->mac, 6);
	return done(EV_ARP_ANSWER, XDP_TX);
}

static __always_inline int on_solicitation(struct eth_hdr *eth, struct ipv6_hdr *ip6, struct ns_msg *ns)
{
	struct address6 target;
	struct owner *owner;
	__u64 sum;

	if (ip6->hop_limit != 255)
		return done(EV_BAD, XDP_DROP);
	__builtin_memcpy(&target, ns->target, 16);
	owner = bpf_map_lookup_elem(&owners6, &target);
	if (!owner)
		return done(EV_OTHER, XDP_PASS);
	__builtin_memcpy(ip6->dst, ip6->src, 16);
	__builtin_memcpy(ip6->src, &target, 16);
	__builtin_memcpy(eth->dst, eth->src, 6);
	__builtin_memcpy(eth->src, owner->mac, 6);
	ns->type = 136;
	ns->flags = bpf_htonl(0x60000000); /* solicited, override */
	ns->option = 2;
	__builtin_memcpy(ns->mac, owner->mac, 6);
	ns->check = 0;
	sum = bpf_csum_diff(0, 0, ip6->src, 32, bpf_htons(IPPROTO_ICMPV6) + ip6->payload_len);
	sum = bpf_csum_diff(0, 0, (void *)ns, sizeof(*ns), sum);
	ns->check = csum_fold(sum);
	return done(EV_NA, XDP_TX);
}

SEC("xdp")
int ndp_proxy(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, XDP_DROP)

	if (eth->proto == bpf_htons(ETH_P_ARP)) {
		HEADER_OR_RETURN(struct arp_hdr, arp, eth + 1, end, done(EV_BAD, XDP_DROP))

		if (arp->hw_type != bpf_htons(1) || arp->proto_type != bpf_htons(ETH_P_IP) || arp->hw_len != 6 || arp->proto_len != 4)
			return done(EV_BAD, XDP_DROP);
		return on_arp(ctx, eth, arp);
	}
	if (eth->proto == bpf_htons(ETH_P_IP)) {
		HEADER_OR_RETURN(struct ipv4_hdr, ip, eth + 1, end, done(EV_BAD, XDP_DROP))
		HEADER_OR_RETURN(struct icmp_hdr, icmp, ip + 1, end, XDP_PASS)
		__be32 addr = ip->dst;

		if (ip->version_ihl != 0x45 || ip->proto != IPPROTO_ICMP || icmp->type != 8)
			return done(EV_OTHER, XDP_PASS);
		if (!bpf_map_lookup_elem(&owners4, &addr))
			return done(EV_OTHER, XDP_PASS);
		swap_macs(eth);
		ip->dst = ip->src;
		ip->src = addr;
		icmp->type = 0;
		icmp->check = csum_replace2(icmp->check, 8, 0);
		return done(EV_ECHO4, XDP_TX);
	}
	if (eth->proto != bpf_htons(ETH_P_IPV6))
		return done(EV_OTHER, XDP_PASS);
	HEADER_OR_RETURN(struct ipv6_hdr, ip6, eth + 1, end, done(EV_BAD, XDP_DROP))

	if (ip6->next_hdr != IPPROTO_ICMPV6)
		return done(EV_OTHER, XDP_PASS);
	HEADER_OR_RETURN(struct icmp_hdr, icmp, ip6 + 1, end, done(EV_BAD, XDP_DROP))

	if (icmp->type == 135) {
		HEADER_OR_RETURN(struct ns_msg, ns, ip6 + 1, end, done(EV_BAD, XDP_DROP))

		return on_solicitation(eth, ip6, ns);
	}
	if (icmp->type == 128) {
		struct address6 addr;

		__builtin_memcpy(&addr, ip6->dst, 16);
		if (!bpf_map_lookup_elem(&owners6, &addr))
			return done(EV_OTHER, XDP_PASS);
		__builtin_memcpy(ip6->dst, ip6->src, 16);
		__builtin_memcpy(ip6->src, &addr, 16);
		swap_macs(eth);
		icmp->type = 129;
		icmp->check = csum_replace2(icmp->check, 128, 129);
		return done(EV_ECHO6, XDP_TX);
	}
	return done(EV_OTHER, XDP_PASS);
}

char LICENSE[] SEC("license") = "GPL";
