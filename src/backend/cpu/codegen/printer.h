#pragma once

#include <llvm/IR/IRBuilder.h>

#include <functional>
#include <optional>
#include <unordered_map>

#include "backend/cpu/codegen/convert.h"
#include "backend/cpu/codegen/scratch.h"
#include "kernel/bounds.h"
#include "kernel/kernel.h"

namespace tempera::cpu {

// State of printing one function body. Statements are in print_stmt.cpp, expressions in
// print_expr.cpp, integer indices in print_index.cpp, memory in print_memory.cpp, matrices in
// print_matrix.cpp.
struct Printer {
  llvm::IRBuilder<>& b;
  const Features& features;
  ScratchLayout scratch_layout;
  llvm::Value* scratch = nullptr;
  llvm::BasicBlock* entry = nullptr;  // where register buffers are allocated

  std::unordered_map<const kernel::BufferNode*, llvm::Value*> buffers;  // addresses
  std::unordered_map<const kernel::ExprNode*, llvm::Value*> values;     // of bound variables
  // Loop counters and other i32 scalars, held in i64: index arithmetic does not overflow, so
  // addresses are computed in the width of a pointer, without sign extensions.
  std::unordered_map<const kernel::ExprNode*, llvm::Value*> indices;
  kernel::RangeAnalysis ranges{};
  // Values of the nodes of the statement being printed, which is straight-line code.
  std::unordered_map<const kernel::ExprNode*, llvm::Value*> memo;

  // Statements.
  void statement(const kernel::Stmt& s);
  void root(const kernel::Stmt& body, llvm::Value* begin, llvm::Value* end);
  void print_grid(const std::vector<const kernel::StmtNode*>& nest, const kernel::Stmt& body,
                  llvm::Value* begin, llvm::Value* end);
  void print_loop(const kernel::StmtNode& s);
  void print_unrolled(const kernel::StmtNode& s);
  void print_branch(const kernel::StmtNode& s);
  void print_let(const kernel::StmtNode& s);
  void print_store(const kernel::StmtNode& s);
  void print_allocate(const kernel::StmtNode& s);
  // for (i = begin; i < end; ++i) body(i); `body` prints and may leave the builder in another
  // block.
  void count(llvm::Value* begin, llvm::Value* end, const std::string& name,
             const std::function<void(llvm::Value*)>& body);
  void bind(const kernel::Expr& variable, llvm::Value* index);

  // Expressions.
  llvm::Value* value(const kernel::Expr& e);
  llvm::Value* print_value(const kernel::ExprNode& e);
  llvm::Value* print_constant(const kernel::ExprNode& e);
  llvm::Value* print_unary(const kernel::ExprNode& e);
  llvm::Value* print_binary(const kernel::ExprNode& e);
  llvm::Value* print_float_binary(kernel::BinaryOp op, llvm::Value* x, llvm::Value* y);
  llvm::Value* print_integer_binary(kernel::BinaryOp op, DType dtype, bool may_be_negative,
                                    llvm::Value* x, llvm::Value* y);
  llvm::Value* print_ramp(const kernel::ExprNode& e);
  llvm::Value* print_repeat(const kernel::ExprNode& e);
  llvm::Value* print_interleave(const kernel::ExprNode& e);
  llvm::Value* print_call(const kernel::ExprNode& e);
  llvm::Value* print_reduce(const kernel::ExprNode& e);
  llvm::Value* print_reduce_step(kernel::BinaryOp op, kernel::Type type, llvm::Value* x,
                                 llvm::Value* y);
  llvm::Value* print_dot(const kernel::ExprNode& e);
  // Matrices, in tile registers of AMX.
  llvm::Value* print_matrix_dot(const kernel::ExprNode& e);
  struct TilePlace {
    kernel::MatrixPlace at;
    llvm::Value *rows, *row_bytes;  // i16
    llvm::Value *address, *stride;  // in bytes
  };
  std::optional<TilePlace> tile_place(const kernel::BufferNode& buffer, const kernel::Expr& index);
  llvm::Value* print_numeric_call(kernel::Intrinsic op, kernel::Type type,
                                  std::vector<llvm::Value*> args);

  // Indices.
  llvm::Value* index(const kernel::Expr& e);
  bool is_nonnegative(const kernel::Expr& e);
  // Of all variables below s; a variable is bound in one place only.
  void learn_ranges(const kernel::Stmt& s);
  // x / y and x mod y of integers of any width, rounded towards minus infinity.
  llvm::Value* floor_div(llvm::Value* x, llvm::Value* y, bool is_signed);
  llvm::Value* floor_mod(llvm::Value* x, llvm::Value* y, bool is_signed);
  struct Affine {  // lane i is base + i * stride, both i64
    llvm::Value* base;
    llvm::Value* stride;
  };
  std::optional<Affine> affine(const kernel::Expr& e);

  // Memory. Values go in and come out as memory_type().
  llvm::Value* print_load(const kernel::ExprNode& e);
  llvm::Value* address(const kernel::BufferNode& buffer, llvm::Value* index);
  llvm::Value* load_vector(const kernel::BufferNode& buffer, const kernel::Expr& index,
                           llvm::Value* mask);
  llvm::Value* load_matrix(const kernel::BufferNode& buffer, const TilePlace& place);
  void store_matrix(const TilePlace& place, llvm::Value* value);
  llvm::Value* load_strided(const kernel::BufferNode& buffer, const Affine& place, int lanes);
  llvm::Value* addresses(const kernel::BufferNode& buffer, const kernel::Expr& index);
  void store_vector(const kernel::BufferNode& buffer, const kernel::Expr& index, llvm::Value* value,
                    llvm::Value* mask);
  llvm::Value* masked_load(llvm::Type* type, llvm::Value* address, llvm::Align align,
                           llvm::Value* mask);
  void masked_store(llvm::Value* value, llvm::Value* address, llvm::Align align, llvm::Value* mask);
  llvm::Value* reverse(llvm::Value* vector);
};

}  // namespace tempera::cpu
