/* What the larger programs share beside the headers: checksums, VLAN tags, counters. */
#pragma once

#include "../packet.h"

#define IPPROTO_GRE 47
#define ETH_P_MPLS 0x8847
#define ETH_P_PPPOE 0x8864

#define MAX_VLANS 2

/* Counters by name: an enum as the key, packets and bytes as the value. */
struct counter {
	__u64 packets;
	__u64 bytes;
};

#define COUNTERS(map_name, key_type, count)                   \
	struct {                                              \
		__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);      \
		__type(key, key_type);                        \
		__type(value, struct counter);                \
		__uint(max_entries, count);                   \
	} map_name SEC(".maps")

static __always_inline void count_in(void *map, __u32 key, __u64 bytes)
{
	struct counter *counter = bpf_map_lookup_elem(map, &key);

	if (counter) {
		counter->packets++;
		counter->bytes += bytes;
	}
}

/* Skips the Ethernet header and up to two tags: the offset of what follows, or -1. The type goes to *proto. */
static __always_inline int skip_eth(void *data, void *end, __be16 *proto, __u16 *vlan)
{
	struct eth_hdr *eth = data;
	int off = sizeof(*eth);

	if ((void *)(eth + 1) > end)
		return -1;
	*proto = eth->proto;
	*vlan = 0;
#pragma unroll
	for (int i = 0; i < MAX_VLANS; i++) {
		struct vlan_hdr *tag = data + off;

		if (*proto != bpf_htons(ETH_P_8021Q) && *proto != bpf_htons(ETH_P_8021AD))
			break;
		if ((void *)(tag + 1) > end)
			return -1;
		*vlan = bpf_ntohs(tag->tci) & 0xfff;
		*proto = tag->proto;
		off += sizeof(*tag);
	}
	return off;
}

/* The checksum after a 16-bit word of what it covers changed (RFC 1624, equation 3). */
static __always_inline __u16 csum_replace2(__u16 check, __u16 old, __u16 new)
{
	__u32 sum = (__u16)~check + (__u32)(__u16)~old + new;

	return csum_fold(sum);
}

static __always_inline __u16 csum_replace4(__u16 check, __be32 old, __be32 new)
{
	check = csum_replace2(check, old & 0xffff, new & 0xffff);
	return csum_replace2(check, old >> 16, new >> 16);
}

static __always_inline __u16 ipv4_csum(struct ipv4_hdr *ip)
{
	__u16 *words = (void *)ip;
	__u32 sum = 0;

	ip->check = 0;
#pragma unroll
	for (int i = 0; i < (int)sizeof(*ip) / 2; i++)
		sum += words[i];
	return csum_fold(sum);
}

static __always_inline void swap_macs(struct eth_hdr *eth)
{
	__u8 mac[6];

	__builtin_memcpy(mac, eth->dst, 6);
	__builtin_memcpy(eth->dst, eth->src, 6);
	__builtin_memcpy(eth->src, mac, 6);
}

/* Jenkins' one-at-a-time would do; this is a multiply-xorshift of words, cheap to verify. */
static __always_inline __u32 hash_words(const __u32 *words, int count, __u32 seed)
{
	__u64 hash = seed;

#pragma unroll
	for (int i = 0; i < count; i++) {
		hash ^= words[i];
		hash *= 0x9e3779b97f4a7c15ULL;
		hash ^= hash >> 29;
	}
	return hash ^ hash >> 32;
}
