/*
 * Arrays and hashes for native code. A map's definition is a struct of four pointers that are never followed in BPF; here
 * key and value lead to the map's memory. Type and sizes are constants, so that each look-up is compiled for its map.
 */
#pragma once
#include <linux/bpf.h>

#define SEC(name)
#define __uint(name, value) int (*name)[value]
#define __type(name, kind) kind *name
#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

/* An element of a hash: this, then the key and the value, each at a multiple of 8. */
struct native_element {
	struct native_element *next;
	__u64 hash;
};

#define NATIVE_ROUND(bytes) (((bytes) + 7) & ~7ul)

static __always_inline __u64 native_hash(const void *key, unsigned long bytes)
{
	__u64 hash = bytes;

	for (unsigned long i = 0; i < bytes; i += 4) {
		hash = (hash ^ *(const __u32 *)((const char *)key + i)) * 0x9e3779b97f4a7c15ull;
		hash ^= hash >> 32;
	}
	return hash;
}

/* Keys are multiples of 4 bytes. */
static __always_inline void *native_find(void *buckets, __u64 mask, const void *key, unsigned long bytes)
{
	__u64 hash = native_hash(key, bytes);
	struct native_element *element = ((struct native_element **)buckets)[hash & mask];

	for (; element; element = element->next)
		if (element->hash == hash && !__builtin_memcmp(element + 1, key, bytes))
			return (char *)(element + 1) + NATIVE_ROUND(bytes);
	return 0;
}

/* max_entries of a hash are a power of two. */
#define bpf_map_lookup_elem(map, k)                                                                             \
	((sizeof(*(map)->type) / sizeof(int) == BPF_MAP_TYPE_ARRAY)                                             \
		 ? (*(const __u32 *)(k) < sizeof(*(map)->max_entries) / sizeof(int)                             \
			    ? (void *)((map)->value + *(const __u32 *)(k))                                      \
			    : (void *)0)                                                                        \
		 : native_find((map)->key, sizeof(*(map)->max_entries) / sizeof(int) - 1, k, sizeof(*(map)->key)))
