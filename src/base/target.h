#pragma once

#include <cstdint>
#include <string>

namespace tempera {

// Registers that hold a matrix each, and a product of such: at most rows x columns sums of `depth`
// products a step. Without: no registers.
struct MatrixTiles {
  int64_t registers = 0;
  int64_t rows = 0, columns = 0, depth = 0;
  int64_t cycles = 0;  // between two products of the largest, for ranking only

  explicit operator bool() const { return registers > 0; }
};

// What a device can do, as plain values. Schedules, passes and the planner ask these; nothing asks
// for a vendor's name.
struct Target {
  std::string backend = "cpu";  // which code generator and device
  std::string cpu;       // the code generator's CPU name, e.g. "znver5", "x86-64-v3", "cortex-a76"
  std::string triple;    // e.g. "x86_64-unknown-linux-gnu"
  std::string features;  // LLVM feature string beyond the CPU name; empty for a named CPU

  int64_t vector_bytes = 16;      // widest vector register worth using
  int64_t vector_registers = 16;  // architectural vector registers
  int64_t fma_per_cycle = 2;      // vector FMAs a cycle and core, for ranking only
  int64_t l1_bytes = 32 << 10;    // data cache of one core
  int64_t l2_bytes = 512 << 10;
  int64_t l3_bytes = 8 << 20;  // shared
  int64_t cores = 1;

  bool has_f16_arithmetic = false;  // packed f16 FMA
  bool has_bf16_dot = false;        // dot products of bf16 pairs into f32
  bool has_i8_dot = false;          // dot products of u8 x s8 quads into i32
  MatrixTiles bf16_matrices;        // products of bf16 matrices into f32

  int64_t buffer_alignment = 64;             // bytes, of every buffer and arena offset
  bool can_alias_read_write = true;          // one buffer may be read and written in one launch
  int64_t workgroup_memory_bytes = 1 << 22;  // scratch a kernel may ask for, per worker

  int64_t lanes(int64_t element_bytes) const { return vector_bytes / element_bytes; }
};

// Canonical text: part of every cache key, so that equal targets share compiled kernels.
std::string key(const Target& target);

}  // namespace tempera
