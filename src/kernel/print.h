#pragma once

#include <string>

#include "kernel/kernel.h"

namespace tempera::kernel {

// The text of a kernel; parse.h reads it back. Deterministic: it depends on structure and names
// only. Two things of one name get suffixes (x, x_1) where their scopes meet.
//
//   kernel row_sums(a: f32[77] global, c: f32[7] global mut) {
//     grid m in 0..7 {
//       registers acc: f32[1]
//       acc[0] = 0.0
//       for k in 0..11 {
//         acc[0] = acc[0] + a[m * 11 + k]
//       }
//       c[m] = acc[0]
//     }
//   }
//
// - Loops are `grid`, `lane`, `for` and `unroll`. begin..end is printed where begin is 0 or both
// are
//   constants, otherwise begin..+extent.
// - `let x = e`, `registers b: T[n]` and `workgroup b: T[n]` reach to the end of the enclosing
// braces.
// - A mask follows the index: a[i, m], c[i, m] = e.
// - Constants: 3 (i32), 3i64, 1.5 (f32), 1.5f16, inf, nan_f16, true. A cast is f16(e); && and ||
// are
//   bit_and and bit_or of bools. From loose to tight: || && comparisons | ^ & shifts + * unary.
std::string to_string(const Kernel& kernel);
std::string to_string(const Stmt& stmt);
std::string to_string(const Expr& e);

}  // namespace tempera::kernel
