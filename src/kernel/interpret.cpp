#include "kernel/interpret.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "kernel/interpret_code.h"

namespace tempera::kernel {
namespace interpreter {
namespace {

int32_t& integer(std::byte* frame, int32_t slot) {
  return *reinterpret_cast<int32_t*>(frame + slot);
}

int64_t lane_count(const State& state, const LaneNest& nest) {
  int64_t count = 1;
  for (const Counter& loop : nest.loops) count *= std::max(integer(state.frame, loop.extent), 0);
  return count;
}

void set_counters(std::byte* frame, const LaneNest& nest, int64_t lane) {
  for (size_t i = nest.loops.size(); i-- > 0;) {
    const Counter& loop = nest.loops[i];
    const int64_t extent = integer(frame, loop.extent);
    integer(frame, loop.variable) =
        integer(frame, loop.begin) + static_cast<int32_t>(lane % extent);
    lane /= extent;
  }
}

}  // namespace

void run_jump(State& state, const Instruction& in) { state.next = in.target; }

void run_jump_if_not(State& state, const Instruction& in) {
  if (state.frame[in.a] == std::byte{0}) state.next = in.target;
}

void run_loop_enter(State& state, const Instruction& in) {
  const int32_t begin = integer(state.frame, in.a);
  const int32_t extent = integer(state.frame, in.b);
  integer(state.frame, in.out) = begin;
  integer(state.frame, in.c) = begin + extent;
  if (extent <= 0) state.next = in.target;
}

void run_loop_next(State& state, const Instruction& in) {
  if (++integer(state.frame, in.out) < integer(state.frame, in.c)) state.next = in.target;
}

void run_fill(State& state, const Instruction& in) {
  std::memset(state.frame + in.out, 0xff, in.lanes);
}

void run_barrier(State& state, const Instruction&) { state.stop = Stop::barrier; }
void run_finish(State& state, const Instruction&) { state.stop = Stop::finished; }

// Runs all lanes to the next barrier, again and again until they finish.
void run_lane_nest(State& state, const Instruction& in) {
  const LaneNest& nest = state.program->nests[in.element];
  const int64_t count = lane_count(state, nest);
  const size_t frame_size = state.program->frame.size();
  std::vector<std::byte> frames(count * frame_size);
  for (int64_t lane = 0; lane < count; ++lane) {
    std::memcpy(frames.data() + lane * frame_size, state.frame, frame_size);
    set_counters(frames.data() + lane * frame_size, nest, lane);
  }
  State first{state.program, state.bases, nullptr, state.next, Stop::running};
  while (count > 0 && first.stop != Stop::finished) {
    const State start = first;
    for (int64_t lane = 0; lane < count; ++lane) {
      State lane_state = start;
      lane_state.frame = frames.data() + lane * frame_size;
      run(lane_state);
      if (lane == 0) first = lane_state;
      CHECK(lane_state.stop == first.stop && lane_state.next == first.next,
            "lane {} does not reach the barrier that lane 0 reaches", lane);
    }
  }
  state.next = in.target;
}

}  // namespace interpreter

namespace {

using interpreter::GridLoop;
using interpreter::Memory;
using interpreter::Program;
using interpreter::State;

int64_t grid_extent(const Program& program) {
  int64_t extent = 1;
  for (const GridLoop& loop : program.grid) extent *= std::max<int64_t>(loop.extent, 0);
  return extent;
}

Status check_buffers(const Kernel& kernel, std::span<const std::span<std::byte>> buffers) {
  if (buffers.size() != kernel.parameters.size())
    return error(ErrorCode::invalid_argument, "kernel {} takes {} buffers, not {}", kernel.name,
                 kernel.parameters.size(), buffers.size());
  for (size_t i = 0; i < buffers.size(); ++i) {
    const BufferNode& parameter = *kernel.parameters[i];
    const int64_t bytes = parameter.size * size_in_bytes(parameter.type);
    if (static_cast<int64_t>(buffers[i].size()) < bytes)
      return error(ErrorCode::invalid_argument, "kernel {}: buffer {} has {} bytes of {}",
                   kernel.name, parameter.name, buffers[i].size(), bytes);
  }
  return {};
}

int64_t bytes_of(const Memory& memory) {
  return memory.buffer->size * size_in_bytes(memory.buffer->type);
}

void run_iteration(State& state, int64_t iteration) {
  const std::vector<GridLoop>& grid = state.program->grid;
  for (size_t i = grid.size(); i-- > 0;) {
    const int64_t counter = grid[i].begin + iteration % grid[i].extent;
    interpreter::integer(state.frame, grid[i].variable) = static_cast<int32_t>(counter);
    iteration /= grid[i].extent;
  }
  state.next = 0;
  interpreter::run(state);
}

}  // namespace

struct InterpretedKernel::Code {
  Program program;
};

InterpretedKernel::InterpretedKernel(Kernel kernel)
    : kernel_(std::move(kernel)),
      code_(std::make_unique<const Code>(Code{interpreter::compile(kernel_)})) {}
InterpretedKernel::~InterpretedKernel() = default;
InterpretedKernel::InterpretedKernel(InterpretedKernel&&) noexcept = default;
InterpretedKernel& InterpretedKernel::operator=(InterpretedKernel&&) noexcept = default;

Status InterpretedKernel::run(std::span<const std::span<std::byte>> buffers, int64_t begin,
                              int64_t end) const {
  TRY(check_buffers(kernel_, buffers));
  const Program& program = code_->program;
  CHECK(begin >= 0 && end <= grid_extent(program), "grid iterations {} to {} of {}", begin, end,
        grid_extent(program));
  std::vector<std::vector<std::byte>> workgroup(program.memories.size());
  std::vector<std::byte*> bases(program.memories.size());
  for (size_t i = 0; i < bases.size(); ++i) {
    if (i >= buffers.size() && program.memories[i].offset < 0)
      workgroup[i].resize(bytes_of(program.memories[i]));
    bases[i] = i < buffers.size() ? buffers[i].data() : workgroup[i].data();
  }
  std::vector<std::byte> frame = program.frame;
  State state{&program, bases.data(), frame.data()};
  for (int64_t iteration = begin; iteration < end; ++iteration) {
    for (std::vector<std::byte>& memory : workgroup)
      std::fill(memory.begin(), memory.end(), std::byte{0xff});
    run_iteration(state, iteration);
  }
  return {};
}

int64_t grid_extent(const Kernel& kernel) {
  int64_t extent = 1;
  for (const StmtNode* s = kernel.body.get();
       s->kind == StmtKind::loop && s->loop_kind == LoopKind::grid; s = s->body[0].get()) {
    const int64_t* loop = as_int(s->extent);
    CHECK(loop, "grid loop {} of {} has no constant extent", s->variable->name, kernel.name);
    extent *= std::max<int64_t>(*loop, 0);
  }
  return extent;
}

Status interpret(const Kernel& kernel, std::span<const std::span<std::byte>> buffers, int64_t begin,
                 int64_t end) {
  return InterpretedKernel(kernel).run(buffers, begin, end);
}

Status interpret(const Kernel& kernel, std::span<const std::span<std::byte>> buffers) {
  return interpret(kernel, buffers, 0, grid_extent(kernel));
}

}  // namespace tempera::kernel
