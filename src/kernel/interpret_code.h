#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernel/kernel.h"

// The interpreter's own instructions. A kernel is compiled to one flat list of them: every
// instruction reads and writes a frame, the memory of one lane, at fixed byte offsets. Because the
// state of a lane is its frame and a program counter, a lane can stop at a barrier and go on later.
namespace tempera::kernel::interpreter {

struct State;
struct Instruction;
using Run = void (*)(State&, const Instruction&);

// A place in memory that loads and stores reach: a parameter, workgroup memory, or (offset >= 0) a
// register array inside the frame.
struct Memory {
  const BufferNode* buffer = nullptr;
  int32_t offset = -1;
};

struct Instruction {
  Run run = nullptr;
  int32_t out = 0, a = 0, b = 0, c = 0;  // byte offsets in the frame
  int32_t lanes = 1;                     // of the operation; of `fill`, a number of bytes
  // extract: the lane; repeat, ramp: the lanes of the first operand; matrix_dot: the columns; load,
  // store: the memory; lane nests: the nest
  int32_t element = 0;
  int32_t inner = 0;   // matrix_dot: its depth
  int32_t target = 0;  // jumps: the next instruction
};

struct Counter {
  int32_t variable, begin, extent;  // slots
};
// A nest of lane loops; its body stands behind its instruction and ends in `finish`.
struct LaneNest {
  std::vector<Counter> loops;
};
struct GridLoop {
  int32_t variable;
  int64_t begin, extent;
};

struct Program {
  std::vector<Instruction> instructions;
  std::vector<Memory> memories;  // the kernel's parameters first
  std::vector<LaneNest> nests;
  std::vector<GridLoop> grid;
  std::vector<std::byte> frame;  // a new frame: constants are in place
};

enum class Stop : uint8_t { running, barrier, finished };

struct State {
  const Program* program = nullptr;
  std::byte* const* bases = nullptr;  // of each memory outside the frame
  std::byte* frame = nullptr;
  int32_t next = 0;
  Stop stop = Stop::running;
};

inline void run(State& state) {
  state.stop = Stop::running;
  const Instruction* instructions = state.program->instructions.data();
  while (state.stop == Stop::running) {
    const Instruction& instruction = instructions[state.next++];
    instruction.run(state, instruction);
  }
}

// The code of an expression node whose operands are in the frame: out = op(a, b, c).
Run run_of(const ExprNode& node);
Run run_of_binary(BinaryOp op, DType operands);
Run run_of_call(Intrinsic intrinsic, DType dtype);
// load: out = memory[a], with a mask b if `masked`; contiguous: a is the scalar first index.
// store: memory[a] = b, with a mask c.
struct Access {
  bool masked = false;
  bool contiguous = false;
};
Run run_of_load(const BufferNode& buffer, Access access);
Run run_of_store(const BufferNode& buffer, Access access);
// Writes a constant's bytes.
void write_constant(const ExprNode& constant, std::byte* out);

void run_jump(State& state, const Instruction& in);         // to target
void run_jump_if_not(State& state, const Instruction& in);  // to target unless a
void run_loop_enter(State& state, const Instruction& in);  // out = a, c = a + b; to target if empty
void run_loop_next(State& state, const Instruction& in);   // ++out; to target while out < c
void run_fill(State& state, const Instruction& in);        // `lanes` bytes at out become 0xff
void run_barrier(State& state, const Instruction& in);
void run_finish(State& state, const Instruction& in);
void run_lane_nest(State& state, const Instruction& in);

Program compile(const Kernel& kernel);

}  // namespace tempera::kernel::interpreter
