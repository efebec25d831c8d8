#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"

namespace tempera::diffusion {

enum class BetaSchedule { linear, scaled_linear, squaredcos_cap_v2 };
enum class Prediction { epsilon, v_prediction, sample };
enum class TimestepSpacing { leading, trailing, linspace };
enum class FinalSigma { zero, sigma_min };
enum class SolverType { midpoint, heun, logrho, bh1, bh2 };

// What a diffusers scheduler_config.json says. Keys that are absent there keep the default that all
// of diffusers' classes share; where the classes differ the field is optional, and the sampler puts
// its own class's default.
struct SchedulerConfig {
  int64_t num_train_timesteps = 1000;
  double beta_start = 0.0001;
  double beta_end = 0.02;
  BetaSchedule beta_schedule = BetaSchedule::linear;
  std::vector<float> trained_betas;  // when not empty: instead of the three above
  bool rescale_betas_zero_snr = false;
  Prediction prediction = Prediction::epsilon;
  std::optional<TimestepSpacing> timestep_spacing;
  int64_t steps_offset = 0;
  std::optional<bool> set_alpha_to_one;

  // DDIM, DDPM, Heun and LCM
  std::optional<bool> clip_sample;
  double clip_sample_range = 1.0;

  // LCM and TCD
  int64_t original_inference_steps = 50;
  double timestep_scaling = 10.0;

  // Euler and DPM-Solver
  FinalSigma final_sigma = FinalSigma::zero;
  std::optional<double> sigma_min;  // Euler with Karras sigmas: instead of the schedule's own ends
  std::optional<double> sigma_max;
  std::string interpolation_type = "linear";
  std::string timestep_type = "discrete";

  // DPM-Solver, DEIS and UniPC
  std::optional<int64_t> solver_order;
  SolverType solver_type = SolverType::midpoint;
  std::optional<bool> lower_order_final;
  bool euler_at_final = false;
  double lambda_min_clipped = -std::numeric_limits<double>::infinity();
  bool use_lu_lambdas = false;
  bool use_flow_sigmas = false;
  bool predict_x0 = true;

  std::string variance_type;  // DDPM and DPM-Solver
  bool thresholding = false;  // all but the classes in sigma space
};

// A value that no sampler here has is `unsupported`, named with its key. The file's own choice of
// sigmas (use_karras_sigmas and the like) and of algorithm is not read: the caller's sampler and
// schedule replace it.
Result<SchedulerConfig> parse_scheduler_config(const Json& json, std::string_view where);
// `path` names the scheduler_config.json. Python's -Infinity, as diffusers writes it, is
// understood.
Result<SchedulerConfig> read_scheduler_config(const std::string& path);

Result<TimestepSpacing> parse_timestep_spacing(std::string_view name, std::string_view where);
std::string_view name(TimestepSpacing spacing);
// "epsilon", "v" (or "v_prediction"), "sample".
Result<Prediction> parse_prediction(std::string_view name, std::string_view where);
std::string_view name(Prediction prediction);

}  // namespace tempera::diffusion
