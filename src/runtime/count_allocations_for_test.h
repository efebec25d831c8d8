#pragma once

#include <cstdint>
#include <cstdlib>
#include <new>

// Counts what a test program allocates with new while counting_allocations is true. To be included
// by one file of a program: it replaces the program's operators.
inline bool counting_allocations = false;
inline int64_t allocations = 0;

__attribute__((noinline)) void* operator new(size_t size, const std::nothrow_t&) noexcept {
  if (counting_allocations) ++allocations;
  return std::malloc(size);
}
__attribute__((noinline)) void* operator new(size_t size) {
  if (void* memory = operator new(size, std::nothrow)) return memory;
  throw std::bad_alloc();
}
__attribute__((noinline)) void operator delete(void* memory) noexcept { std::free(memory); }
__attribute__((noinline)) void operator delete(void* memory, size_t) noexcept { std::free(memory); }
__attribute__((noinline)) void operator delete(void* memory, const std::nothrow_t&) noexcept {
  std::free(memory);
}
