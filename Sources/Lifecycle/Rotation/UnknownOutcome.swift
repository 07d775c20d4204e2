import Targets

/// The probe table: what a login with the new and with the old secret says about an effect whose outcome is unknown.
enum UnknownOutcome {
  enum Verdict: Sendable, Equatable {
    case applied
    case notApplied
    /// One slot and both work: the target has not made up its mind.
    case settling
    /// Both refused: the same candidate may be written once more, because overwriting is harmless.
    case resetOnce
    case cannotTell
    case foreignChange
  }

  enum Answer: Sendable, Equatable {
    case accepted
    case refused
    case cannotTell
    /// There is no such version.
    case none

    init(_ result: ProbeResult) {
      switch result {
      case .accepted: self = .accepted
      case .refused: self = .refused
      case .cannotTell: self = .cannotTell
      }
    }
  }

  /// For classes other than `minted`, whose targets are asked for a list instead.
  /// - Parameter slots: of a login in mode `single`.
  static func verdict(
    new: Answer, old: Answer, mode: LoginMode, secretClass: SecretClass, slots: SecretSlots = .one
  ) -> Verdict {
    switch (new, old) {
    case (.accepted, .refused), (.accepted, .none): .applied
    case (.accepted, .accepted): mode == .alternating || slots != .one ? .applied : .settling
    case (.refused, .accepted), (.refused, .none): .notApplied
    case (.refused, .refused): secretClass == .overwrite || secretClass == .keyPair ? .resetOnce : .foreignChange
    case (.cannotTell, _), (_, .cannotTell), (.none, _): .cannotTell
    }
  }
}
