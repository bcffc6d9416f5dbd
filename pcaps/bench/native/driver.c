/* What the measuring process calls: maps made and filled, a program run many times. */
#include <bpf/bpf_helpers.h>
#include <stdlib.h>
#include <string.h>

struct native_map {
	void *type, *max_entries, *key, *value;
};

/* Gives a map its memory; hash says which kind it is. */
int native_create(struct native_map *map, int hash, __u32 max_entries, __u32 value_bytes)
{
	if (hash)
		map->key = calloc(max_entries, sizeof(void *));
	else
		map->value = calloc(max_entries, value_bytes);
	return hash ? map->key != 0 : map->value != 0;
}

/* Adds an element to a hash, which does not have it yet. */
int native_add(struct native_map *map, __u32 max_entries, __u32 key_bytes, __u32 value_bytes, const void *key,
	       const void *value)
{
	struct native_element *element = calloc(1, sizeof(*element) + NATIVE_ROUND(key_bytes) + value_bytes);
	struct native_element **bucket;

	if (!element)
		return 0;
	element->hash = native_hash(key, key_bytes);
	memcpy(element + 1, key, key_bytes);
	memcpy((char *)(element + 1) + NATIVE_ROUND(key_bytes), value, value_bytes);
	bucket = (struct native_element **)map->key + (element->hash & (max_entries - 1));
	element->next = *bucket;
	*bucket = element;
	return 1;
}

/* Runs a program so many times on a packet, each time as the last run left it; what the last one returned. */
int native_run(int (*program)(struct xdp_md *), void *packet, __u64 length, __u64 repeat)
{
	int (*volatile called)(struct xdp_md *) = program;
	struct xdp_md context = {(unsigned long)packet, (unsigned long)packet + length};
	int result = 0;

	for (__u64 i = 0; i < repeat; i++)
		result = called(&context);
	return result;
}
