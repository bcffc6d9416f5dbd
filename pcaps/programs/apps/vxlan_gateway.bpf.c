/*
 * A VXLAN gateway (RFC 7348): tagged frames of the local side go into the
 * tunnel of their VLAN's network, to the VTEP behind which the destination MAC
 * was learned, or to the network's flood list; packets out of a tunnel get
 * their tag back. Learned entries age by a counter of packets.
 */
#include "app.h"

#define VXLAN_PORT 4789
#define AGE 1500

struct vxlan_hdr {
	__be32 flags;
	__be32 vni;
};

struct station {
	__u32 vni;
	__u8 mac[6];
	__u16 pad;
};

struct location {
	__be32 vtep; /* 0: local */
	__u32 vlan;
	__u64 seen;
};

struct network {
	__u32 vni;
	__be32 flood; /* the VTEP that gets what nobody has learned */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct station);
	__type(value, struct location);
	__uint(max_entries, 2048);
} fdb SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32); /* VLAN */
	__type(value, struct network);
	__uint(max_entries, 4096);
} networks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32); /* VNI */
	__type(value, __u32); /* VLAN */
	__uint(max_entries, 256);
} vlans SEC(".maps");

enum event { EV_ENCAP, EV_DECAP, EV_FLOOD, EV_LEARNED, EV_MOVED, EV_NO_NETWORK, EV_LOCAL, EV_BAD, EV_AGED, EV_COUNT };
COUNTERS(events, enum event, EV_COUNT);

const volatile __be32 own_vtep = bpf_htonl(0xc6336414); /* 198.51.100.20 */
const volatile __u8 underlay_mac[6] = { 0x02, 0x53, 0x4c, 0, 0, 0xaa };
__u64 now;

static __noinline int learn(struct station *station, __be32 vtep, __u32 vlan)
{
	struct location *known, fresh = { .vtep = vtep, .vlan = vlan };

	if (!station)
		return 0;
	fresh.seen = now;
	known = bpf_map_lookup_elem(&fdb, station);
	if (!known) {
		count_in(&events, EV_LEARNED, 0);
		return bpf_map_update_elem(&fdb, station, &fresh, BPF_NOEXIST);
	}
	if (known->vtep != vtep) {
		count_in(&events, EV_MOVED, 0);
		known->vtep = vtep;
		known->vlan = vlan;
	}
	known->seen = now;
	return 0;
}

static __always_inline int decap(struct xdp_md *ctx, __u32 offset, __be32 from)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct vxlan_hdr *vxlan = data + offset + sizeof(struct udp_hdr);
	struct eth_hdr *inner = (void *)(vxlan + 1), copy;
	struct station station = {};
	__u32 vni, *vlan, bytes = end - data;

	if ((void *)(inner + 1) > end || !(vxlan->flags & bpf_htonl(0x08000000))) {
		count_in(&events, EV_BAD, bytes);
		return XDP_DROP;
	}
	vni = bpf_ntohl(vxlan->vni) >> 8;
	vlan = bpf_map_lookup_elem(&vlans, &vni);
	if (!vlan) {
		count_in(&events, EV_NO_NETWORK, bytes);
		return XDP_DROP;
	}
	station.vni = vni;
	__builtin_memcpy(station.mac, inner->src, 6);
	learn(&station, from, *vlan);
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	inner = data + offset + sizeof(struct udp_hdr) + sizeof(struct vxlan_hdr);
	if ((void *)(inner + 1) > end)
		return XDP_ABORTED;
	copy = *inner;
	/* the tag takes 4 of the bytes that the tunnel gives back */
	if (bpf_xdp_adjust_head(ctx, offset + sizeof(struct udp_hdr) + sizeof(struct vxlan_hdr) - sizeof(struct vlan_hdr)))
		return XDP_ABORTED;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	struct eth_hdr *eth = data;
	struct vlan_hdr *tag = data + sizeof(*eth);

	if ((void *)(tag + 1) > end)
		return XDP_ABORTED;
	*eth = copy;
	eth->proto = bpf_htons(ETH_P_8021Q);
	tag->tci = bpf_htons(*vlan);
	tag->proto = copy.proto;
	count_in(&events, EV_DECAP, bytes);
	return XDP_PASS;
}

static __always_inline int encap(struct xdp_md *ctx, __u16 vlan)
{
	const int outer = sizeof(struct eth_hdr) + sizeof(struct ipv4_hdr) + sizeof(struct udp_hdr) + sizeof(struct vxlan_hdr);
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct eth_hdr *eth = data, inner;
	struct vlan_hdr *tag = data + sizeof(*eth);
	__u32 key = vlan, hash, bytes = end - data;
	struct station station = {};
	struct location *location;
	struct network *network;
	__be32 vtep;

	if ((void *)(tag + 1) > end)
		return XDP_DROP;
	network = bpf_map_lookup_elem(&networks, &key);
	if (!network || !network->vni) {
		count_in(&events, EV_NO_NETWORK, bytes);
		return XDP_DROP;
	}
	inner = *eth;
	inner.proto = tag->proto;
	station.vni = network->vni;
	__builtin_memcpy(station.mac, inner.src, 6);
	learn(&station, 0, vlan);
	__builtin_memcpy(station.mac, inner.dst, 6);
	location = inner.dst[0] & 1 ? 0 : bpf_map_lookup_elem(&fdb, &station);
	if (location && now - location->seen > AGE) {
		bpf_map_delete_elem(&fdb, &station);
		count_in(&events, EV_AGED, 0);
		location = 0;
	}
	if (!location) {
		count_in(&events, EV_FLOOD, bytes);
		vtep = network->flood;
	} else if (!location->vtep) {
		count_in(&events, EV_LOCAL, bytes);
		return XDP_PASS;
	} else {
		vtep = location->vtep;
	}
	if (bpf_xdp_adjust_head(ctx, -(outer - (int)sizeof(struct vlan_hdr))))
		return XDP_ABORTED;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	eth = data;
	struct ipv4_hdr *ip = data + sizeof(*eth);
	struct udp_hdr *udp = (void *)(ip + 1);
	struct vxlan_hdr *vxlan = (void *)(udp + 1);
	struct eth_hdr *copy = (void *)(vxlan + 1);

	if ((void *)(copy + 1) > end)
		return XDP_ABORTED;
	*copy = inner;
	hash = hash_words((__u32 *)&inner, 3, 99);
	bytes = end - data;
	__builtin_memcpy(eth->dst, (void *)underlay_mac, 6);
	__builtin_memcpy(eth->src, inner.dst, 6);
	eth->proto = bpf_htons(ETH_P_IP);
	ip->version_ihl = 0x45;
	ip->tos = 0;
	ip->total_len = bpf_htons(bytes - sizeof(*eth));
	ip->id = 0;
	ip->frag_off = bpf_htons(0x4000);
	ip->ttl = 64;
	ip->proto = IPPROTO_UDP;
	ip->src = own_vtep;
	ip->dst = vtep;
	ip->check = ipv4_csum(ip);
	udp->src = bpf_htons(49152 | (hash & 0x3fff));
	udp->dst = bpf_htons(VXLAN_PORT);
	udp->len = bpf_htons(bytes - sizeof(*eth) - sizeof(*ip));
	udp->check = 0;
	vxlan->flags = bpf_htonl(0x08000000);
	vxlan->vni = bpf_htonl(station.vni << 8);
	count_in(&events, EV_ENCAP, bytes);
	return XDP_TX;
}

SEC("xdp")
int vxlan_gateway(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, XDP_DROP)

	now++;
	if (eth->proto == bpf_htons(ETH_P_8021Q)) {
		HEADER_OR_RETURN(struct vlan_hdr, tag, eth + 1, end, XDP_DROP)

		return encap(ctx, bpf_ntohs(tag->tci) & 0xfff);
	}
	if (eth->proto == bpf_htons(ETH_P_IP)) {
		HEADER_OR_RETURN(struct ipv4_hdr, ip, eth + 1, end, XDP_PASS)

		if (ip->dst == own_vtep && ip->proto == IPPROTO_UDP && ip->version_ihl == 0x45) {
			HEADER_OR_RETURN(struct udp_hdr, udp, ip + 1, end, XDP_PASS)

			if (udp->dst == bpf_htons(VXLAN_PORT))
				return decap(ctx, sizeof(*eth) + sizeof(*ip), ip->src);
		}
	}
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
