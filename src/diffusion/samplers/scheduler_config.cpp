#include "diffusion/samplers/scheduler_config.h"

#include <array>
#include <span>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "diffusion/samplers/stock_scheduler.h"

namespace tempera::diffusion {
namespace {

template <typename T>
using Names = std::span<const std::pair<std::string_view, T>>;

constexpr std::array<std::pair<std::string_view, BetaSchedule>, 3> kBetaSchedules = {
    {{"linear", BetaSchedule::linear},
     {"scaled_linear", BetaSchedule::scaled_linear},
     {"squaredcos_cap_v2", BetaSchedule::squaredcos_cap_v2}}};
constexpr std::array<std::pair<std::string_view, Prediction>, 3> kPredictions = {
    {{"epsilon", Prediction::epsilon},
     {"v_prediction", Prediction::v_prediction},
     {"sample", Prediction::sample}}};
constexpr std::array<std::pair<std::string_view, TimestepSpacing>, 3> kSpacings = {
    {{"leading", TimestepSpacing::leading},
     {"trailing", TimestepSpacing::trailing},
     {"linspace", TimestepSpacing::linspace}}};
constexpr std::array<std::pair<std::string_view, FinalSigma>, 2> kFinalSigmas = {
    {{"zero", FinalSigma::zero}, {"sigma_min", FinalSigma::sigma_min}}};
constexpr std::array<std::pair<std::string_view, SolverType>, 5> kSolverTypes = {
    {{"midpoint", SolverType::midpoint},
     {"heun", SolverType::heun},
     {"logrho", SolverType::logrho},
     {"bh1", SolverType::bh1},
     {"bh2", SolverType::bh2}}};

template <typename T>
Result<T> named(Names<T> names, std::string_view value, std::string_view key,
                std::string_view where) {
  std::string known;
  for (const auto& [name, result] : names) {
    if (name == value) return result;
    known += (known.empty() ? "" : ", ") + std::string(name);
  }
  return error(ErrorCode::unsupported, "{}: {} {} is not supported; supported are {}", where, key,
               quote(value), known);
}

// Reads the fields of one file; the first failure is kept and ends the reading.
class Reader {
 public:
  Reader(const Json& json, std::string_view where) : json_(json), where_(where) {}

  template <typename T>
  void read(std::string_view key, T& value) {
    if (!status_.ok()) return;
    Result<T> result = get_or<T>(json_, key, value, where_);
    if (!result.ok()) status_ = result.error();
    if (result.ok()) value = std::move(result).value();
  }

  template <typename T>
  void read(std::string_view key, std::optional<T>& value) {
    if (!present(key)) return;
    T field{};
    read(key, field);
    value = field;
  }

  template <typename T, size_t N>
  void read_name(std::string_view key, const std::array<std::pair<std::string_view, T>, N>& names,
                 T& value) {
    if (!present(key)) return;
    std::string text;
    read(key, text);
    if (!status_.ok()) return;
    Result<T> result = named<T>(names, text, key, where_);
    if (!result.ok()) status_ = result.error();
    if (result.ok()) value = *result;
  }

  void read_floats(std::string_view key, std::vector<float>& values) {
    if (!present(key)) return;
    const Json& list = json_[std::string(key)];
    if (!list.is_array()) return fail(key, "is not a list");
    for (const Json& item : list) {
      if (!item.is_number()) return fail(key, "holds something that is not a number");
      values.push_back(item.get<float>());
    }
  }

  bool present(std::string_view key) const {
    if (!status_.ok() || !json_.is_object()) return false;
    auto field = json_.find(std::string(key));
    return field != json_.end() && !field->is_null();
  }

  void fail(std::string_view key, std::string_view what) {
    status_ = error(ErrorCode::data_loss, "{}: {} {}", where_, key, what);
  }
  Status status() const { return status_; }

 private:
  const Json& json_;
  std::string_view where_;
  Status status_;
};

void read_betas(Reader& reader, SchedulerConfig& config) {
  reader.read("num_train_timesteps", config.num_train_timesteps);
  reader.read("beta_start", config.beta_start);
  reader.read("beta_end", config.beta_end);
  reader.read_name("beta_schedule", kBetaSchedules, config.beta_schedule);
  reader.read_floats("trained_betas", config.trained_betas);
  reader.read("rescale_betas_zero_snr", config.rescale_betas_zero_snr);
}

void read_spacing(Reader& reader, SchedulerConfig& config) {
  if (!reader.present("timestep_spacing")) return;
  TimestepSpacing spacing{};
  reader.read_name("timestep_spacing", kSpacings, spacing);
  config.timestep_spacing = spacing;
}

void read_sampling(Reader& reader, SchedulerConfig& config) {
  reader.read_name("prediction_type", kPredictions, config.prediction);
  read_spacing(reader, config);
  reader.read("steps_offset", config.steps_offset);
  reader.read("set_alpha_to_one", config.set_alpha_to_one);
  reader.read("clip_sample", config.clip_sample);
  reader.read("clip_sample_range", config.clip_sample_range);
  reader.read("thresholding", config.thresholding);
  reader.read("original_inference_steps", config.original_inference_steps);
  reader.read("timestep_scaling", config.timestep_scaling);
  reader.read_name("final_sigmas_type", kFinalSigmas, config.final_sigma);
  reader.read("sigma_min", config.sigma_min);
  reader.read("sigma_max", config.sigma_max);
  reader.read("interpolation_type", config.interpolation_type);
  reader.read("timestep_type", config.timestep_type);
}

void read_solver(Reader& reader, SchedulerConfig& config) {
  reader.read_name("solver_type", kSolverTypes, config.solver_type);
  reader.read("lower_order_final", config.lower_order_final);
  reader.read("solver_order", config.solver_order);
  reader.read("predict_x0", config.predict_x0);
  reader.read("euler_at_final", config.euler_at_final);
  reader.read("lambda_min_clipped", config.lambda_min_clipped);
  reader.read("use_lu_lambdas", config.use_lu_lambdas);
  reader.read("use_flow_sigmas", config.use_flow_sigmas);
  reader.read("variance_type", config.variance_type);
}

// More training steps than any model has, and few enough that a hostile file costs nothing.
constexpr int64_t kMaxTrainTimesteps = 100000;

// The part of a step that is noise; the last of a schedule up to noise alone is 1.
Status check_beta(std::string_view key, double beta, std::string_view where) {
  if (beta >= 0.0 && beta <= 1.0) return {};
  return error(ErrorCode::data_loss, "{}: {} holds {}, which is not within 0 to 1", where, key,
               beta);
}

Status check_ranges(const SchedulerConfig& config, std::string_view where) {
  if (config.num_train_timesteps < 2 || config.num_train_timesteps > kMaxTrainTimesteps)
    return error(ErrorCode::data_loss, "{}: num_train_timesteps is {}, not within 2 to {}", where,
                 config.num_train_timesteps, kMaxTrainTimesteps);
  if (config.steps_offset < 0 || config.steps_offset >= config.num_train_timesteps)
    return error(ErrorCode::data_loss, "{}: steps_offset is {}, not within 0 to {}", where,
                 config.steps_offset, config.num_train_timesteps - 1);
  TRY(check_beta("beta_start", config.beta_start, where));
  TRY(check_beta("beta_end", config.beta_end, where));
  for (const float beta : config.trained_betas) TRY(check_beta("trained_betas", beta, where));
  const auto betas = static_cast<int64_t>(config.trained_betas.size());
  if (betas != 0 && betas != config.num_train_timesteps)
    return error(ErrorCode::data_loss,
                 "{}: trained_betas holds {} values, num_train_timesteps is {}", where, betas,
                 config.num_train_timesteps);
  return {};
}

// JSON has no infinities; Python's json writes them bare. Within a double they serve as -1e308.
std::string replace_infinities(std::string_view text) {
  static constexpr std::string_view kInfinity = "Infinity";
  std::string result;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') quoted = !quoted;
    const bool escape = quoted && text[i] == '\\';
    if (!quoted && text.substr(i, kInfinity.size()) == kInfinity) {
      result += "1e308";
      i += kInfinity.size() - 1;
      continue;
    }
    result += text[i];
    if (escape && i + 1 < text.size()) result += text[++i];
  }
  return result;
}

}  // namespace

Result<SchedulerConfig> parse_scheduler_config(const Json& json, std::string_view where) {
  if (!json.is_object())
    return error(ErrorCode::data_loss, "{}: not a JSON object, so no scheduler's config", where);
  SchedulerConfig config;
  Reader reader(json, where);
  read_betas(reader, config);
  read_sampling(reader, config);
  read_solver(reader, config);
  TRY(reader.status());
  TRY(check_ranges(config, where));
  return config;
}

Result<SchedulerConfig> read_scheduler_config(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, read_scheduler_text(path));
  ASSIGN_OR_RETURN(Json json, parse_json(replace_infinities(text), path));
  return parse_scheduler_config(json, path);
}

Result<TimestepSpacing> parse_timestep_spacing(std::string_view name, std::string_view where) {
  return named<TimestepSpacing>(kSpacings, name, "timestep spacing", where);
}

std::string_view name(TimestepSpacing spacing) {
  return kSpacings[static_cast<size_t>(spacing)].first;
}

Result<Prediction> parse_prediction(std::string_view name, std::string_view where) {
  return named<Prediction>(kPredictions, name == "v" ? "v_prediction" : name, "prediction", where);
}

std::string_view name(Prediction prediction) {
  return kPredictions[static_cast<size_t>(prediction)].first;
}

}  // namespace tempera::diffusion
