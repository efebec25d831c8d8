#pragma once

#include <signal.h>
#include <ucontext.h>

#include <array>
#include <cmath>
#include <cstring>
#include <initializer_list>

#include "base/dtype.h"

// AMX in software, so that code for it can be run by tests on any x86-64: the processor refuses
// each instruction with an invalid opcode, and the signal's handler does its work. Intel SDM volume
// 2, LDTILECFG, TILELOADD, TILESTORED, TILEZERO, TILERELEASE, TDPBF16PS; subnormal numbers are
// kept.
namespace tempera::cpu {

struct EmulatedTiles {
  struct Tile {
    int rows = 0, row_bytes = 0;
    std::array<std::array<char, 64>, 16> data{};
  };
  std::array<Tile, 8> tiles;
  int64_t executed = 0;  // instructions

  // Executes the instruction at the context's program counter and steps over it.
  bool step(ucontext_t& context) {
    auto* gregs = context.uc_mcontext.gregs;
    const auto* code = reinterpret_cast<const uint8_t*>(gregs[REG_RIP]);
    // VEX with three bytes, map 0F38, W0, 128 bits; its register bits are inverted.
    if (code[0] != 0xc4 || (code[1] & 0x1f) != 2 || (code[2] & 0x84) != 0) return false;
    const int prefix = code[2] & 3, opcode = code[3], reg = code[4] >> 3 & 7;
    Operand memory = operand(code, gregs);
    gregs[REG_RIP] += memory.size;
    ++executed;
    if (opcode == 0x49 && prefix == 0)
      return memory.address ? configure(memory.address) : release();
    if (opcode == 0x49 && prefix == 3) return zero(tiles[reg]);
    if (opcode == 0x4b && prefix == 3) return load(tiles[reg], memory);
    if (opcode == 0x4b && prefix == 2) return store(tiles[reg], memory);
    if (opcode == 0x5c && prefix == 2)
      return dot(tiles[reg], tiles[code[4] & 7], tiles[~code[2] >> 3 & 7]);
    return false;
  }

 private:
  struct Operand {
    char* address = nullptr;  // of memory, without the index; null: a register
    int64_t stride = 0;       // the scaled index
    int size = 5;             // of the whole instruction
  };

  static Operand operand(const uint8_t* code, const greg_t* gregs) {
    static constexpr std::array<int, 16> kOrder = {
        REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
        REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
    const int mode = code[4] >> 6;
    if (mode == 3) return {};
    Operand result;
    int base = code[4] & 7;
    const bool has_index = base == 4;
    if (has_index) {
      const uint8_t sib = code[result.size++];
      base = sib & 7;
      const int index = (sib >> 3 & 7) | (code[1] & 0x40 ? 0 : 8);
      if (index != 4) result.stride = gregs[kOrder[index]] << (sib >> 6);
    }
    int64_t displacement = 0;
    if (mode == 1) displacement = static_cast<int8_t>(code[result.size++]);
    if (mode == 2 || (mode == 0 && base == 5)) {
      int32_t wide = 0;
      std::memcpy(&wide, code + result.size, sizeof(wide));
      displacement = wide;
      result.size += 4;
    }
    int64_t from = 0;
    if (mode != 0 || base != 5)
      from = gregs[kOrder[base | (code[1] & 0x20 ? 0 : 8)]];
    else if (!has_index)
      from = gregs[REG_RIP] + result.size;
    result.address = reinterpret_cast<char*>(from + displacement);
    return result;
  }

  bool configure(const char* from) {
    for (int i = 0; i < 8; ++i) {
      uint16_t row_bytes = 0;
      std::memcpy(&row_bytes, from + 16 + 2 * i, 2);
      tiles[i] = {static_cast<uint8_t>(from[48 + i]), row_bytes, {}};
      if (tiles[i].rows > 16 || row_bytes > 64 || row_bytes % 4 != 0) return false;
    }
    return from[0] == 1;
  }
  bool release() {
    tiles = {};
    return true;
  }
  static bool zero(Tile& tile) {
    tile.data = {};
    return tile.rows > 0;
  }
  static bool load(Tile& to, const Operand& from) {
    to.data = {};
    for (int r = 0; r < to.rows; ++r)
      std::memcpy(to.data[r].data(), from.address + r * from.stride, to.row_bytes);
    return to.rows > 0;
  }
  static bool store(const Tile& from, const Operand& to) {
    for (int r = 0; r < from.rows; ++r)
      std::memcpy(to.address + r * to.stride, from.data[r].data(), from.row_bytes);
    return from.rows > 0;
  }
  static float bf16_at(const std::array<char, 64>& row, int i) {
    uint16_t bits = 0;
    std::memcpy(&bits, row.data() + 2 * i, 2);
    return bf16_to_f32(bits);
  }
  static bool dot(Tile& c, const Tile& a, const Tile& b) {
    const bool fits = c.rows == a.rows && c.row_bytes == b.row_bytes && a.row_bytes == 4 * b.rows;
    for (int m = 0; fits && m < c.rows; ++m)
      for (int n = 0; n < c.row_bytes / 4; ++n) {
        float even = 0, odd = 0, sum = 0;
        for (int k = 0; k < b.rows; ++k) {
          even = std::fma(bf16_at(a.data[m], 2 * k), bf16_at(b.data[k], 2 * n), even);
          odd = std::fma(bf16_at(a.data[m], 2 * k + 1), bf16_at(b.data[k], 2 * n + 1), odd);
        }
        std::memcpy(&sum, c.data[m].data() + 4 * n, 4);
        sum += even + odd;
        std::memcpy(c.data[m].data() + 4 * n, &sum, 4);
      }
    return fits;
  }
};

// While it stands, this thread's AMX instructions are emulated; one at a time.
class AmxEmulator {
 public:
  AmxEmulator() {
    tiles() = {};
    struct sigaction action{};
    action.sa_sigaction = handle;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGILL, &action, &before_);
  }
  ~AmxEmulator() { sigaction(SIGILL, &before_, nullptr); }
  AmxEmulator(const AmxEmulator&) = delete;
  AmxEmulator& operator=(const AmxEmulator&) = delete;
  static int64_t executed() { return tiles().executed; }

 private:
  static EmulatedTiles& tiles() {
    static thread_local EmulatedTiles state;
    return state;
  }
  static void handle(int, siginfo_t*, void* context) {
    if (!tiles().step(*static_cast<ucontext_t*>(context))) signal(SIGILL, SIG_DFL);
  }
  struct sigaction before_{};
};

}  // namespace tempera::cpu
